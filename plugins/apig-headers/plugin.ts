import {
  type Arrival,
  type Hooks,
  type Inbound,
  Matching,
  Options,
  type Static,
  Type,
  type UnroutedInbound,
  definePlugin,
} from '#sdk';

const Section = Options({
  server: Type.Union(
    [
      Matching('^[\\x21-\\x7e](?:[\\x20-\\x7e]{0,98}[\\x21-\\x7e])?$', '1 to 100 visible ASCII characters'),
      Type.Literal(false),
    ],
    {
      default: 'api-gateway',
      description: "The `Server` of every answer; `false` leaves the backend's, if it has one.",
    },
  ),
});

const defaults: Static<typeof Section> = { server: 'api-gateway' };

export default definePlugin({
  name: 'apig-headers',
  summary: "Adds the gateway's own response headers, and tells the latencies when a request asks for them.",
  section: { name: 'apigHeaders', schema: Section },
  setup(section) {
    const own = new OwnHeaders(section ?? defaults);
    return {
      unrouted: (inbound) => own.finish(inbound),
      // An AppCode among them: no business of the backend's.
      withheld: ['x-apig-'],
    };
  },
  bindRest: (section) => new OwnHeaders(section ?? defaults),
});

// A class, so that ten thousand APIs run the same function: each closure of its own would warm up by itself.
class OwnHeaders implements Hooks {
  readonly #server: string | false;

  constructor({ server }: Static<typeof Section>) {
    this.#server = server;
  }

  finish(inbound: Inbound | UnroutedInbound): void {
    const { headers, backendMs } = inbound;
    if (this.#server !== false) headers.set('Server', this.#server);
    if (!asksForDebug(inbound.exchange)) return;
    headers.set('X-Apig-Latency', String(Math.round(inbound.latencyMs)));
    if (backendMs !== undefined) headers.set('X-Apig-Upstream-Latency', String(Math.round(backendMs)));
  }
}

function asksForDebug({ headers }: Arrival): boolean {
  return headers.get('x-apig-mode')?.toLowerCase() === 'debug';
}
