import {
  type Exchange,
  type Hooks,
  type Kit,
  Options,
  type Reply,
  type ServiceToken,
  type Static,
  Type,
  defineDialect,
  definePlugin,
  defineService,
  offer,
  refuse,
} from '#sdk';
import { authorizerContexts } from '#sdk/mapping';
import { Authorizers } from './authorizers.ts';
import { AuthorizersSchema } from './options.ts';
import type { Verdict } from './verdict.ts';

const Name = Type.String({ minLength: 1, description: 'A name in the section `authorizers`.' });
const Config = Options({ authorizer: Name });

/** As bound: by `auth: custom`, or beside another `auth` as the second factor. */
type Config = Static<typeof Config> & { readonly isSecond?: boolean };

/** How `bind` gets what `setup` made. */
const Own: ServiceToken<Authorizers> = defineService<Authorizers>('authorizers');

export default definePlugin({
  name: 'auth-custom',
  summary: 'Asks functions who may call, and what a backend wants to be told: custom authorizers.',
  config: Config,
  apiField: 'authorizer',
  dialects: { authorizer: defineDialect(Name, (authorizer): Config => ({ authorizer, isSecond: true })) },
  kind: (config: Config) => (config.isSecond === true ? 'a second authenticator' : 'auth-custom'),
  section: { name: 'authorizers', schema: AuthorizersSchema },
  offers: [Own],
  setup(section: Static<typeof AuthorizersSchema> | undefined, kit) {
    const authorizers = new Authorizers(section, kit);
    return { services: [offer(Own, authorizers)], dispose: () => authorizers.dispose() };
  },
  bind({ authorizer, isSecond }: Config, kit) {
    const auth = kit.api.definition['auth'] as string | { readonly type: string };
    const type = typeof auth === 'string' ? auth : auth.type;
    const isAlone = type === 'none' || type === 'custom';
    if (isSecond === true && isAlone)
      kit.problem(
        [],
        `an authorizer beside \`auth: ${type}\` is no second factor; write \`auth: {type: custom, authorizer: ${authorizer}}\` alone, or another \`auth\``,
      );
    const path = isSecond === true ? [] : ['authorizer'];
    return isAlone ? first(authorizer, kit, path) : second(authorizer, kit, path);
  },
  backendField: {
    name: 'authorizer',
    schema: Name,
    bind: (name, kit) => gate(kit, name as string, 'backend', []),
  },
});

function first(authorizer: string, kit: Kit, path: readonly string[]): Hooks {
  const handle = gate(kit, authorizer, 'frontend', path, (exchange, { identity }) => {
    exchange.identity = identity;
  });
  const told = kit.use(Own).describe(authorizer);
  return { auth: { stage: 'authenticate', handle }, describe: () => [told] };
}

/** After the first, so that nobody is asked about callers who are refused anyway, and who calls is what the first says. */
function second(authorizer: string, kit: Kit, path: readonly string[]): Hooks {
  const handle = gate(kit, authorizer, 'frontend', path);
  const told = `second factor: ${kit.use(Own).describe(authorizer)}`;
  return { auth: { stage: 'authorize', handle }, describe: () => [told] };
}

type Handle = (exchange: Exchange) => Reply | undefined | Promise<Reply | undefined>;

/** Lets through what the authorizer allows. @param path of its name. @param accept is told of what is let through */
function gate(
  kit: Kit,
  name: string,
  side: 'frontend' | 'backend',
  path: readonly string[],
  accept?: (exchange: Exchange, verdict: Verdict) => void,
): Handle {
  const authorizer = kit.use(Own).find(name, side, path, (at, message) => kit.problem(at, message));
  // A configuration with problems is never served.
  if (authorizer === undefined) return () => refuse('authorizer-unusable');
  const ask = authorizer.gate(kit.api, kit.environment);
  const note = authorizerContexts[side];
  const admit = (exchange: Exchange, verdict: Verdict): Reply | undefined => {
    // Refusals have it, too: a gateway response may tell why.
    exchange.notes.set(note, verdict.context);
    if (verdict.refusal !== undefined) return refuse(verdict.refusal, { cause: `authorizer ${name}` });
    accept?.(exchange, verdict);
    return undefined;
  };
  return (exchange) => {
    const verdict = ask(exchange);
    return verdict instanceof Promise
      ? verdict.then((each) => admit(exchange, each))
      : admit(exchange, verdict);
  };
}
