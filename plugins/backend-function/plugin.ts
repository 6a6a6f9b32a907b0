import {
  type Backend,
  type FunctionFault,
  Functions,
  type GatewayFunction,
  type Kit,
  OneOf,
  Options,
  type Outbound,
  type RefusalKind,
  Reply,
  type Static,
  Type,
  definePlugin,
  describeAllowed,
  refuse,
} from '#sdk';
import { BackendParameters, type Mapping, compileMapping } from '#sdk/mapping';
import { replyOf } from './answer.ts';
import { AsyncCalls } from './async/calls.ts';
import { callLater } from './async/later.ts';
import { AsyncCallsSchema } from './async/options.ts';
import { setUpCalls } from './async/setup.ts';
import { eventOf } from './event.ts';

const Config = Options({
  function: Type.String({ minLength: 1, description: 'A name in the section `functions`.' }),
  invocation: OneOf(['sync', 'async'], {
    default: 'sync',
    description: 'Whether the caller waits for the answer, or gets 202 as soon as the call is kept.',
  }),
  timeoutMs: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 600_000, description: "Less than the function's own limit." }),
  ),
  base64Body: Type.Boolean({
    default: true,
    description: 'Whether the body is in base64; when false, a body of `application/json` goes as text.',
  }),
  parameters: BackendParameters,
});

type Config = Static<typeof Config>;

/** The vendor's limit for what a trigger passes on. */
const maxBodyBytes = 4 * 1024 * 1024;
const maxDetailLength = 1000;

export default definePlugin({
  name: 'backend-function',
  summary: 'Calls a function of the configuration, and answers what it answers.',
  config: Config,
  section: { name: 'asyncCalls', schema: AsyncCallsSchema },
  offers: [AsyncCalls],
  setup: setUpCalls,
  bind(config: Config, kit) {
    const mapping = compileMapping({
      api: kit.api,
      parameters: config.parameters,
      problem: (at, message, offset) => kit.problem(at, message, offset),
    });
    const called = functionOf(config, kit);
    const calls = config.invocation === 'async' ? kit.use(AsyncCalls) : undefined;
    if (called === undefined) return { backend: unusable };
    if (called.handOver === undefined) calls?.expect();
    return { backend: new FunctionBackend(called, config, mapping, calls, kit) };
  },
});

/** Stands where a problem was reported; a configuration with problems is never served. */
const unusable: Backend = { invoke: () => Promise.reject(new Error('the backend is not configured')) };

function functionOf(config: Config, kit: Kit): GatewayFunction | undefined {
  const functions = kit.use(Functions);
  if (!functions.names.includes(config.function)) {
    const hint =
      functions.names.length === 0
        ? 'the section "functions" names none'
        : describeAllowed(functions.names, config.function);
    kit.problem(['function'], `there is no function "${config.function}"; ${hint}`);
  }
  // One that is named and has a problem of its own is undefined as well.
  return functions.byName(config.function);
}

const refusals: Record<FunctionFault, RefusalKind> = {
  timeout: 'backend-timeout',
  memory: 'function-failed',
  failed: 'function-failed',
  'bad-answer': 'function-failed',
  busy: 'function-busy',
  unreachable: 'backend-unavailable',
};

class FunctionBackend implements Backend {
  readonly #function: GatewayFunction;
  readonly #config: Config;
  readonly #mapping: Mapping | undefined;
  /** Undefined where callers wait. */
  readonly #calls: AsyncCalls | undefined;
  readonly #kit: Pick<Kit, 'log' | 'clock' | 'api' | 'environment'>;

  constructor(
    called: GatewayFunction,
    config: Config,
    mapping: Mapping | undefined,
    calls: AsyncCalls | undefined,
    kit: Kit,
  ) {
    this.#function = called;
    this.#config = config;
    this.#mapping = mapping;
    this.#calls = calls;
    this.#kit = kit;
  }

  prepare(outbound: Outbound): Reply | undefined {
    return this.#mapping?.apply(outbound);
  }

  async invoke(outbound: Outbound): Promise<Reply> {
    const body = await outbound.readBody();
    if (body.length > maxBodyBytes)
      return refuse('body-too-large', { cause: `a function takes ${maxBodyBytes} bytes at most` });
    const event = eventOf(outbound, body, this.#isText(outbound));
    const { requestId } = outbound.exchange;
    const { timeoutMs } = this.#config;
    if (this.#calls !== undefined) {
      const call = { called: this.#function, event, timeoutMs, now: this.#kit.clock.now() };
      const later = await callLater(outbound, call, this.#calls);
      return later instanceof Reply ? later : this.#refuse(requestId, later.fault, later.detail);
    }
    const result = await this.#function.invoke(event, {
      requestId,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    if (result.fault !== undefined) return this.#refuse(requestId, result.fault, result.detail);
    const answer = replyOf(result.value);
    return answer instanceof Reply ? answer : this.#refuse(requestId, 'bad-answer', answer);
  }

  #isText(outbound: Outbound): boolean {
    if (this.#config.base64Body) return false;
    return /^application\/json\s*(?:;|$)/i.test(outbound.headers.get('content-type') ?? '');
  }

  /** The cause goes to the log, and never the event: it holds what the caller sent. */
  #refuse(requestId: string, fault: FunctionFault, detail: string): Reply {
    const { log, api, environment } = this.#kit;
    const { name } = this.#function;
    log.error(
      {
        requestId,
        api: api.name,
        environment,
        function: name,
        fault,
        detail: detail.slice(0, maxDetailLength),
      },
      'a function gave no answer',
    );
    return refuse(refusals[fault], { cause: `function ${name}: ${fault}` });
  }
}
