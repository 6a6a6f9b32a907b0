import { type Arrival, type Fields, type Inbound, Options, type UnroutedInbound, definePlugin } from '#sdk';

export default definePlugin({
  name: 'apig-headers',
  summary: "Adds the gateway's own response headers, and tells the latencies when a request asks for them.",
  section: { name: 'apigHeaders', schema: Options({}) },
  setup: (section) => (section === undefined ? {} : { unrouted: addHeaders }),
  // Only where it is asked for: it is work for every request of every API.
  bindRest(section) {
    if (section === undefined) return undefined;
    return {
      backendSigning({ headers }) {
        removeOwn(headers);
        return undefined;
      },
      finish: addHeaders,
    };
  },
});

function addHeaders(inbound: Inbound | UnroutedInbound): void {
  const { headers, backendMs } = inbound;
  headers.set('Server', 'api-gateway');
  if (!asksForDebug(inbound.exchange)) return;
  headers.set('X-Apig-Latency', String(Math.round(inbound.latencyMs)));
  if (backendMs !== undefined) headers.set('X-Apig-Upstream-Latency', String(Math.round(backendMs)));
}

function asksForDebug({ headers }: Arrival): boolean {
  return headers.get('x-apig-mode')?.toLowerCase() === 'debug';
}

const prefix = 'x-apig-';

/** Fields addressed to this gateway, an AppCode among them, are no business of the backend's. */
function removeOwn(headers: Fields): void {
  let own: Set<string> | undefined;
  const { flat } = headers;
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] ?? '';
    // The hyphens stand where few other names have them, which spares most a change of letter case.
    if (name.charAt(6) !== '-' || name.charAt(1) !== '-') continue;
    const lower = name.toLowerCase();
    if (lower.startsWith(prefix)) (own ??= new Set()).add(lower);
  }
  if (own !== undefined) headers.deleteAll(own);
}
