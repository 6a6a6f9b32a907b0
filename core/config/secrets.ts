import path from 'node:path';
import type { ReadText } from './files.ts';

const MAX_SECRET_BYTES = 1024 * 1024;
const REFERENCE = /(\$?)\$\{(env|file):([^}]*)(\}?)/g;
const VARIABLE = /^([A-Za-z_]\w*)(?::-(.*))?$/s;

/** Follows `${env:NAME}`, `${env:NAME:-default}` and `${file:path}`; `$${env:NAME}` is the text `${env:NAME}`. */
export class Secrets {
  /** Every secret file that was asked for, readable or not. */
  readonly files = new Set<string>();
  /** How often one was asked for. */
  asked = 0;
  readonly #env: NodeJS.ProcessEnv;
  readonly #read: ReadText;

  constructor(env: NodeJS.ProcessEnv, read: ReadText) {
    this.#env = env;
    this.#read = read;
  }

  /**
   * `file` is the YAML file that the text stands in. `isWhole`: the text was nothing but one reference. `values`: what
   * the references stood for. What is
   * reported names the variable or file, never a value; the reference then stays as it was.
   */
  replace(text: string, file: string, report: (message: string) => void) {
    let isSecret = false;
    const values: string[] = [];
    let isWhole = false;
    const follow = (all: string, escape: string, kind: string, body: string, end: string): string => {
      if (escape !== '') return all.slice(1);
      isSecret = true;
      isWhole = all.length === text.length;
      try {
        if (end === '') throw new Error(`a reference that starts with \${${kind}: has no closing }`);
        const value = kind === 'env' ? this.#variable(body) : this.#file(file, body);
        if (value !== '') values.push(value);
        return value;
      } catch (error) {
        report(error instanceof Error ? error.message : String(error));
        return all;
      }
    };
    const replaced = text.includes('${') ? text.replace(REFERENCE, follow) : text;
    return { text: replaced, isSecret, isWhole, values };
  }

  #variable(body: string): string {
    const [, name, fallback] = VARIABLE.exec(body) ?? [];
    if (name === undefined)
      throw new Error('a variable is referred to as ${env:NAME} or ${env:NAME:-default}');
    // Object.hasOwn: `${env:constructor}` is unset, also when the environment is an ordinary object.
    const value = Object.hasOwn(this.#env, name) ? this.#env[name] : undefined;
    const found = value === '' ? (fallback ?? '') : (value ?? fallback);
    if (found === undefined) throw new Error(`the environment variable ${name} is not set`);
    return found;
  }

  #file(from: string, name: string): string {
    const file = path.isAbsolute(name) ? name : path.join(path.dirname(from), name);
    this.files.add(file);
    this.asked += 1;
    try {
      return this.#read(file, MAX_SECRET_BYTES).replace(/\r?\n$/, '');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the secret file ${file} cannot be read: ${reason}`, { cause: error });
    }
  }
}
