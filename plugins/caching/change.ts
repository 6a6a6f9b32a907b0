import type { Exchange, Reply } from '#sdk';
import type { Context, Request } from './context.ts';
import { originOf } from './key.ts';
import { hostOf } from './scope.ts';
import { keep } from './keep.ts';
import { whatIsSaid } from './terms.ts';

/** Methods that change nothing (RFC 9110 section 9.2.1): what is stored stays true. */
export const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * Lets a request change something, and forgets what may be true no longer (RFC 9111 section 4.4).
 * @param requestOf what a GET of the same would be, for a POST whose answer is what GET gets from now on
 */
export async function change(
  context: Context,
  exchange: Exchange,
  requestOf: () => Request | Promise<Request>,
): Promise<Reply> {
  const requestedAt = context.clock.now();
  const reply = await exchange.callBackend();
  if (reply.refusal !== undefined || reply.status < 200 || reply.status > 399) return reply;
  const { environment, path } = exchange;
  const host = hostOf(originOf(exchange));
  context.figures.invalidations += 1;
  const paths = new Set([path, ...named(exchange, reply)]);
  for (const each of paths) await context.store.invalidate({ environment, host, path: each });
  if (exchange.method !== 'POST' || !isForGet(context, exchange, reply)) return reply;
  const request = await requestOf();
  const asked = {
    request,
    reply,
    requestedAt,
    respondedAt: context.clock.now(),
    flight: undefined,
    isDetached: false,
  };
  return (await keep(context, asked)) ?? reply;
}

/** Paths that the answer names at the same origin. */
function named(exchange: Exchange, { headers }: Reply): string[] {
  return ['location', 'content-location'].flatMap((name) => {
    const url = resolve(exchange, headers.get(name));
    return url === undefined ? [] : [url.pathname];
  });
}

function resolve(exchange: Exchange, reference: string | undefined): URL | undefined {
  if (reference === undefined) return undefined;
  const base = `${exchange.scheme}://${exchange.headers.get('host') ?? exchange.host}${exchange.path}`;
  if (!URL.canParse(reference, base)) return undefined;
  const url = new URL(reference, base);
  return url.origin === new URL(base).origin ? url : undefined;
}

/** RFC 9110 section 9.3.3: it says that it is what is found at its own address, and for how long. */
function isForGet({ rules }: Context, exchange: Exchange, { status, headers }: Reply): boolean {
  const url = resolve(exchange, headers.get('content-location'));
  if (status !== 200 || url?.pathname !== exchange.path || url.search.slice(1) !== exchange.rawQuery)
    return false;
  const { directives, isTargeted } = whatIsSaid(headers, rules.targetedFields);
  if (directives.has('max-age') || directives.has('s-maxage')) return true;
  return !isTargeted && headers.has('expires');
}
