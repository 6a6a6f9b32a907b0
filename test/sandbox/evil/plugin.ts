/* oxlint-disable only-throw-error -- foreign code throws what it likes */
import { type Exchange, Options, Reply, Type, definePlugin, reply } from 'tapgate/sdk';

/** Foreign code gets around types. */
// oxlint-disable-next-line typescript/no-explicit-any -- what it does is wrong by intention
type Anything = any;

const world = globalThis as Anything;

function forged(change: (answer: Anything) => void): Reply {
  const answer: Anything = reply(200, { 'x-fine': '1' }, 'forged');
  change(answer);
  return answer as Reply;
}
const property = (name: string, descriptor: PropertyDescriptor) =>
  forged((answer) => Object.defineProperty(answer, name, descriptor));

/** What it does at preAuth when the path names it. */
const acts: Readonly<Record<string, (exchange: Exchange) => Anything>> = {
  good: () => reply(200, {}, 'good'),
  // Harms the isolate's own objects only.
  pollute(exchange) {
    world.Object.prototype.polluted = 'yes';
    (exchange as Anything).__proto__.polluted = 'yes';
    (exchange as Anything).api.group.hosts.push('evil.test');
  },
  loop: () => {
    for (;;);
  },
  loopInGetter: () => property('status', { get: () => acts['loop']?.(world) }),
  never: () => new Promise(() => undefined),
  hungry: () => {
    const all = [];
    for (;;) all.push({ one: all.length, more: [all.length] });
  },
  bomb: () => world.Array(6e7).fill(0).map(String),
  hugeAnswer: () => reply(200, {}, 'x'.repeat(5_000_000)),
  hugeField: () => reply(200, { 'x-huge': 'x'.repeat(9000) }),
  hugeFields: () =>
    forged((answer) => answer.headers.flat.push(...Array.from({ length: 190 }, () => 'x'.repeat(1000)))),
  manyFields: () => forged((answer) => answer.headers.flat.push(...Array.from({ length: 5000 }, () => 'x'))),
  hugeNotes: (exchange) => exchange.notes.set({ name: 'n' }, 'x'.repeat(20_000)),
  getter: () =>
    property('status', {
      get() {
        throw new Error('got');
      },
    }),
  toJson: () =>
    property('status', {
      value: {
        toJSON() {
          throw new Error('json');
        },
      },
    }),
  circle: (exchange) => {
    const circle: Anything = {};
    circle.circle = circle;
    exchange.notes.set({ name: 'n' }, circle);
  },
  throwsNothing: () => {
    throw undefined;
  },
  throwsProxy: () => {
    throw new Proxy(
      {},
      {
        get() {
          throw new Error('proxy');
        },
      },
    );
  },
  injects: () => forged((answer) => answer.headers.flat.push('x-a', 'a\r\nset-cookie: b=c')),
  injectsName: () => forged((answer) => answer.headers.flat.push('x-a: b\r\nc', 'd')),
  injectsRequest: (exchange) => {
    const { set } = Object.getPrototypeOf(Object.getPrototypeOf(exchange.headers));
    Object.getPrototypeOf(Object.getPrototypeOf(exchange.headers)).set = () => undefined;
    exchange.headers.set('x-a', 'a\r\nx-b: c');
    Object.getPrototypeOf(Object.getPrototypeOf(exchange.headers)).set = set;
  },
  oddFields: () => forged((answer) => answer.headers.flat.push('x-a')),
  noTextField: () => forged((answer) => answer.headers.flat.push('x-a', { toString: () => 'b' })),
  frames: () => forged((answer) => answer.headers.flat.push('Transfer-Encoding', 'chunked')),
  length: () => reply(200, { 'content-length': '3' }, 'abcdef'),
  hops: (exchange) => exchange.headers.delete('Via'),
  host: (exchange) => exchange.headers.set('host', 'other'),
  status: () => property('status', { value: 99 }),
  switches: () => property('status', { value: 101 }),
  textStatus: () => property('status', { value: '200' }),
  body: () => property('body', { value: { base64: 1 } }),
  refusal: () => property('refusal', { value: { kind: '__proto__' } }),
  refusalExtra: () => property('refusal', { value: { kind: 'internal', extra: 1 } }),
  identity: (exchange) => {
    exchange.identity = { type: 'app', id: 'admin' };
  },
  answersNull: () => null,
  answersObject: () => ({ status: 200 }),
  backend: () => ({ invoke: () => reply(200) }),
  forgets: () => {
    world.Map.prototype.has = () => false;
    world.Map.prototype.get = () => undefined;
    throw new Error('and fails');
  },
  undeclared: (exchange) => reply(200, {}, exchange.headers.get('authorization') ?? 'none'),
  undeclaredBody: (exchange) => exchange.readBody(),
  definition: (exchange) => reply(200, {}, JSON.stringify(exchange.api.definition)),
  requires: () => world.require('node:fs'),
  imports: () => import('node:fs'),
  fetches: () => fetch('http://127.0.0.1/'),
  processes: () => reply(200, {}, world.process.env),
  escapes: (exchange) => (exchange as Anything).constructor.constructor('return process')().exit(1),
  evals: () => world.eval('process.exit(1)'),
};

/** What it does at other hooks. */
const later: Readonly<Record<string, Readonly<Record<string, (subject: Anything) => Anything>>>> = {
  auth: {
    stolenIdentity: (exchange) => void (exchange.identity = { type: 'app', id: 'admin' }),
  },
  backendRouting: {
    ownBackend: () => ({ invoke: () => reply(200, {}, 'own') }),
  },
  backendSigning: {
    origin: (outbound) => void (outbound.origin = 'http://evil.test'),
    backendHost: (outbound) => void (outbound.host = 'evil.test'),
    target: (outbound) => void (outbound.path = '/a b HTTP/1.1\r\nx: y'),
    query: (outbound) => void (outbound.rawQuery = 'a=b c'),
    method: (outbound) => void (outbound.method = 'GET / HTTP/1.1'),
    outboundField: (outbound) => outbound.headers.set('content-length', '5'),
  },
  response: {
    answerStatus: (inbound) => void (inbound.status = 101),
    answerField: (inbound) => outOf(inbound),
    transforms: (inbound) => inbound.transformBody({ chunk: (chunk: Uint8Array) => chunk }),
  },
};

function outOf(inbound: Anything): void {
  inbound.headers.delete('Connection');
}

export default definePlugin({
  name: 'evil',
  summary: 'Does all that a plugin must not.',
  needs: { headers: ['x-seen'] },
  config: Options({ mark: Type.Boolean({ default: false }) }),
  bind({ mark }, kit) {
    const act = (hook: string) => (subject: Anything) =>
      later[hook]?.[(subject.exchange ?? subject).path.slice(1)]?.(subject);
    return {
      preAuth(exchange) {
        const name = exchange.path.slice(1);
        if (name === 'mark') {
          if (mark) world.mark = 'was here';
          return reply(200, {}, String(world.mark));
        }
        if (name === 'seen')
          return reply(200, {}, JSON.stringify([...exchange.headers, Object.keys(kit.api)]));
        if (name === 'flood') for (let turn = 0; turn < 5000; turn += 1) kit.log.warn({ turn }, 'again');
        return acts[name]?.(exchange) as undefined;
      },
      auth: { stage: 'authorize', handle: act('auth') },
      backendRouting: act('backendRouting'),
      backendSigning: act('backendSigning'),
      response: act('response'),
    };
  },
});

export const harmful: readonly string[] = [
  ...Object.keys(acts).filter((name) => !['good', 'pollute', 'forgets'].includes(name)),
  ...Object.values(later).flatMap((each) => Object.keys(each)),
];
