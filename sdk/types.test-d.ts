// Checked by `tsc`, never run: each `@ts-expect-error` line must be an error, and everything else must not be.
import {
  type Api,
  type Backend,
  type Exchange,
  type Hooks,
  type Outbound,
  OneOf,
  Options,
  type Reply,
  type Stage,
  Type,
  defineDialect,
  definePlugin,
  defineService,
  offer,
  refuse,
  reply,
} from './index.ts';

/* oxlint-disable typescript/no-unnecessary-type-parameters -- type parameters are all that is tested here */

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<_ extends true>(): void {
  // Only its type argument counts.
}

const config = Options({
  limit: Type.Integer({ default: 1 }),
  unit: OneOf(['second', 'minute']),
  note: Type.Optional(Type.String()),
  list: Type.Array(Type.Object({ name: Type.String() })),
});

export const inferred = definePlugin({
  name: 'inferred',
  summary: 'Has options whose types follow from the schema.',
  config,
  section: { name: 'things', schema: Type.Record(Type.String(), Type.Number()) },
  setup(section, kit) {
    same<Same<typeof section, Record<string, number> | undefined>>();
    same<Same<typeof kit.environments, readonly string[]>>();
    // @ts-expect-error -- `setup` runs once for all APIs
    kit.api satisfies Api;
    return {};
  },
  bind(options, kit) {
    same<Same<typeof options.limit, number>>();
    same<Same<typeof options.unit, 'second' | 'minute'>>();
    same<Same<typeof options.note, string | undefined>>();
    same<Same<(typeof options.list)[0]['name'], string>>();
    same<Same<typeof kit.environment, string>>();
    // @ts-expect-error -- misspelt option
    void options.limt;
    // @ts-expect-error -- an option of another type
    options.limit satisfies string;
    return {};
  },
});

export const hooks: Hooks = {
  preAuth: () => undefined,
  auth: { stage: 'admit', handle: () => refuse('app-not-authorized') },
  backendRouting: () => ({ invoke: () => reply(200) }),
  async backendSigning(outbound) {
    same<Same<typeof outbound, Outbound>>();
    await outbound.readBody();
    return undefined;
  },
  response(inbound) {
    inbound.status = 201;
    return undefined;
  },
  completed(notice) {
    notice.status satisfies number;
  },
};

export const wrongHooks: Hooks[] = [
  // @ts-expect-error -- null is no answer
  { preAuth: () => null },
  // @ts-expect-error -- a boolean is no answer
  { preAuth: () => true },
  // @ts-expect-error -- a promise of a boolean is none either
  { preAuth: async () => false },
  // @ts-expect-error -- a status is no answer
  { response: () => 200 },
  // @ts-expect-error -- a backend is an answer of backendRouting only
  { preAuth: () => ({ invoke: () => reply(200) }) },
  // @ts-expect-error -- a backend must answer
  { backendRouting: () => ({ invoke: () => undefined }) },
  // @ts-expect-error -- auth has a stage
  { auth: () => undefined },
  // @ts-expect-error -- auth has a stage
  { auth: { handle: () => undefined } },
  // @ts-expect-error -- misspelt stage
  { auth: { stage: 'authorise', handle: () => undefined } },
  // @ts-expect-error -- misspelt hook
  { preauth: () => undefined },
  // @ts-expect-error -- preAuth sees an exchange
  { preAuth: (inbound: { status: number }) => void inbound.status },
  // @ts-expect-error -- a handler takes one argument
  { preAuth: (_exchange: Exchange, _next: () => void) => undefined },
  // @ts-expect-error -- signing sees the outbound request
  { backendSigning: (exchange: Exchange) => void exchange.identity },
  // @ts-expect-error -- what was completed cannot be changed
  { completed: (notice) => void (notice.status = 1) },
];

export const stages: Stage[] = ['authenticate', 'authorize', 'admit', 'serve'];

definePlugin({
  name: 'wrong-bind',
  summary: 'Answers a string where a Reply is due.',
  // @ts-expect-error -- a text is no answer
  bind: () => ({ preAuth: () => 'no' }),
});

// @ts-expect-error -- a plugin has a summary
definePlugin({ name: 'wrong', bind: () => ({}) });
// @ts-expect-error -- `bind` is misspelt
definePlugin({ name: 'wrong', summary: '', bnid: () => ({}) });
// @ts-expect-error -- `bind` is not asynchronous
definePlugin({ name: 'wrong', summary: '', bind: async () => ({}) });
// @ts-expect-error -- routing is synchronous
definePlugin({ name: 'wrong', summary: '', setup: () => ({ routing: async () => undefined }) });

refuse('not-found');
refuse('not-found', { status: 410, headers: { 'retry-after': '1' } });
// @ts-expect-error -- misspelt kind
refuse('not-fuond');
// @ts-expect-error -- misspelt detail
refuse('not-found', { mesage: '' });
// @ts-expect-error -- header values are texts
reply(200, { 'content-length': 1 });
// @ts-expect-error -- an object is no body
reply(200, {}, { message: 'no' });
// @ts-expect-error -- a Reply's status is read only; `inbound.status` is changed instead
reply(200).status = 201;

export function readsExchange(exchange: Exchange): Reply | undefined {
  exchange.identity = { type: 'app', id: 'a' };
  // @ts-expect-error -- the path is as it came in
  exchange.path = '/';
  // @ts-expect-error -- an identity has an id
  exchange.identity = { type: 'app' };
  // @ts-expect-error -- undefined is no identity
  exchange.identity = undefined;
  return undefined;
}

interface Greeter {
  greet(): string;
}
const Greeter = defineService<Greeter>('greeter');
const Counter = defineService<{ count: number }>('counter');
offer(Greeter, { greet: () => 'hi' });
// @ts-expect-error -- another service
offer(Greeter, { count: 1 });
definePlugin({
  name: 'uses',
  summary: 'Uses services by their types.',
  bind(_options, kit) {
    same<Same<ReturnType<typeof kit.use<Greeter>>, Greeter>>();
    kit.use(Greeter).greet() satisfies string;
    // @ts-expect-error -- of another service
    kit.use(Counter).greet();
    return {};
  },
});

defineDialect(Options({ maximum: Type.Integer() }), (document, problem) => {
  same<Same<typeof document.maximum, number>>();
  problem(['maximum'], 'is odd');
  // @ts-expect-error -- misspelt field of the document
  return { limit: document.maximun };
});

definePlugin({
  name: 'dialects',
  summary: 'Has a dialect.',
  config: Options({ limit: Type.Integer() }),
  dialects: {
    good: defineDialect(Options({}), () => ({ limit: 1 })),
    // @ts-expect-error -- the translation has another type than the options
    bad: defineDialect(Options({}), () => ({ limit: 'one' })),
  },
  bind: () => ({}),
});

export const backend: Backend = {
  prepare: () => undefined,
  invoke: async (outbound) => reply(200, {}, await outbound.readBody()),
};
