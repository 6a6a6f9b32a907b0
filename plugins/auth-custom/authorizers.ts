import { Functions, type GatewayFunction, type Kit, type SetupKit, type Static, describeAllowed } from '#sdk';
import { Authorizer } from './authorizer.ts';
import { acquireCache } from './caches.ts';
import { compileIdentities } from './identities.ts';
import type { AuthorizerOptions, AuthorizersSchema } from './options.ts';

type Side = AuthorizerOptions['type'];

interface Made {
  readonly options: AuthorizerOptions;
  /** Undefined when something is wrong with it, which is then a problem. */
  readonly authorizer: Authorizer | undefined;
  readonly release: (() => void) | undefined;
}

/** The authorizers of the section `authorizers`. */
export class Authorizers {
  readonly #all = new Map<string, Made>();

  constructor(section: Static<typeof AuthorizersSchema> | undefined, kit: SetupKit) {
    for (const [name, options] of Object.entries(section ?? {}))
      this.#all.set(name, { options, ...make(name, options, kit) });
  }

  /** The one of that name; reports at the path when there is none, or it is of the other kind. */
  find(name: string, side: Side, path: readonly string[], problem: Kit['problem']): Authorizer | undefined {
    const made = this.#all.get(name);
    if (made?.options.type === side) return made.authorizer;
    const names = [...this.#all].filter(([, { options }]) => options.type === side).map(([each]) => each);
    const found =
      made === undefined
        ? `there is no authorizer "${name}"`
        : `the authorizer "${name}" is of type ${made.options.type}; one of type ${side} is needed here`;
    const hint =
      names.length === 0
        ? `the section "authorizers" has none of type ${side}`
        : describeAllowed(names, name);
    problem(path, `${found}; ${hint}`);
    return undefined;
  }

  /** For `explain`. */
  describe(name: string): string {
    const { function: called, identities, cacheSeconds } = this.#all.get(name)?.options ?? emptyOptions;
    const by = identities.map((each) => `${each.in} ${each.name}`).join(', ');
    const kept = cacheSeconds === 0 ? 'asked for each request' : `kept for ${cacheSeconds} s`;
    return `authorizer ${name}: function ${called}${by === '' ? '' : `, by ${by}`}, ${kept}`;
  }

  dispose(): void {
    for (const { release } of this.#all.values()) release?.();
  }
}

const emptyOptions = { function: '', identities: [], cacheSeconds: 0 } as const;

function make(name: string, options: AuthorizerOptions, kit: SetupKit): Omit<Made, 'options'> {
  const path = ['authorizers', name];
  const identities = compileIdentities(options.identities, [...path, 'identities'], (at, message) =>
    kit.problem(at, message),
  );
  if (options.type === 'frontend' && options.cacheSeconds > 0 && options.identities.length === 0)
    kit.problem(
      [...path, 'cacheSeconds'],
      'decisions about callers are kept by identities, and there are none; add `identities`, or leave it at 0',
    );
  const called = functionOf(options.function, [...path, 'function'], kit);
  if (called === undefined) return { authorizer: undefined, release: undefined };
  const { log, clock } = kit;
  const lease =
    options.cacheSeconds === 0
      ? undefined
      : acquireCache(log, [name, options, called.version], options.cacheSeconds * 1000);
  const parts = { name, options, called, identities, cache: lease?.cache, log, clock };
  return { authorizer: new Authorizer(parts), release: () => lease?.release() };
}

function functionOf(name: string, path: readonly string[], kit: SetupKit): GatewayFunction | undefined {
  const functions = kit.use(Functions);
  if (!functions.names.includes(name)) {
    const hint =
      functions.names.length === 0
        ? 'the section "functions" names none'
        : describeAllowed(functions.names, name);
    kit.problem(path, `there is no function "${name}"; ${hint}`);
  }
  // One that is named and has a problem of its own is undefined as well.
  return functions.byName(name);
}
