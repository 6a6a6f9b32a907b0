import { hash } from 'node:crypto';
import { type App, type SetupKit, Type } from '#sdk';

const form = '64 to 180 letters, digits and +_!@#$%-/=, the first of them a letter, a digit, + or /';

// `Secret` has no words for what a pattern allows.
const AppCode = Type.String({
  pattern: '^[A-Za-z0-9+/][A-Za-z0-9+_!@#$%\\-/=]{63,179}$',
  allowed: form,
  secret: true,
});

/** The codes of one app, as the section `apps` has them (reference, section 2). */
export const AppCodesSchema = Type.Array(AppCode, {
  default: [],
  maxItems: 5,
  description: `Stand for the app in X-Apig-AppCode, where an API accepts them: ${form}. No two the same.`,
});

/** Which app a code stands for. */
export class AppCodes {
  // By hash, so that how long a look-up takes tells nothing of the codes that there are.
  readonly #apps = new Map<string, App>();

  add(app: App, codes: readonly string[], kit: SetupKit): void {
    for (const [index, code] of codes.entries()) {
      const digest = digestOf(code);
      const twin = this.#apps.get(digest);
      if (twin !== undefined) {
        const path = ['apps', app.name, 'appCodes', index];
        kit.problem(path, `this is an AppCode of the app "${twin.name}" already`);
      }
      this.#apps.set(digest, app);
    }
  }

  find(code: string): App | undefined {
    return this.#apps.get(digestOf(code));
  }
}

function digestOf(code: string): string {
  return hash('sha256', code, 'base64');
}
