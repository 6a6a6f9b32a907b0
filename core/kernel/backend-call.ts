import { type BackendCall, BodyStream, type OwnRequest, Reply, refuse } from '#sdk';
import { counted } from './counted.ts';
import { type Delivery, Exchange, type Incoming } from './exchange.ts';
import { Outbound } from './outbound.ts';
import { RequestBody } from './request-body.ts';
import { routeBackend } from './serve.ts';

const nowhere: Delivery = { send: () => undefined, inform: () => undefined };
const gone = (): Reply => refuse('backend-unavailable', { cause: 'the caller went away' });

/** See `callBackend` of the SDK's exchange. */
export function callBackend(outer: Exchange, { headers, isDetached = false }: BackendCall): Promise<Reply> {
  if (outer.isAborted && !isDetached) return Promise.resolve(gone());
  const inner = derive(outer, headers === undefined ? {} : { headers }, isDetached);
  if (isDetached) inner.snapshot.enter();
  return new Promise((resolve) => {
    inner.onAnswer = (reply) => {
      if (inner.isAborted && reply.body instanceof BodyStream) reply.body.cancel(new Error('nobody waits'));
      resolve(isDetached ? held(reply, inner) : attributed(reply, inner, outer));
    };
    if (!isDetached) inner.onAbort(() => resolve(gone()));
    routeBackend(inner);
  });
}

/** A request of a plugin's own; see `request` of the SDK's client. */
export function ownRequest(outer: Exchange, parts: OwnRequest): Outbound {
  const { method, path, rawQuery = '', body = null, host, isDetached = false } = parts;
  const headers = parts.headers.clone();
  const via = `${outer.httpVersion} ${outer.snapshot.pseudonym}`;
  headers.append('Via', via);
  const content = new RequestBody(body, undefined);
  const changes = {
    method,
    path,
    rawQuery,
    headers,
    body: content,
    hasEmptyQuery: false,
    upgrade: undefined,
  };
  const outbound = new Outbound(derive(outer, changes, isDetached), via, headers);
  outbound.host = host;
  return outbound;
}

/** The same request once more: what hooks have found out about it is known there too. */
function derive(outer: Exchange, changes: Partial<Incoming>, isDetached: boolean): Exchange {
  const apart = { body: new RequestBody(null, undefined), delivery: nowhere, upgrade: undefined };
  const incoming = { ...outer.incoming, ...(isDetached ? apart : {}), ...changes };
  const inner = new Exchange(incoming, outer.snapshot);
  inner.inherit(outer);
  if (!isDetached) outer.onAbort(() => inner.abort());
  return inner;
}

function attributed(reply: Reply, inner: Exchange, outer: Exchange): Reply {
  outer.backendStartedAt = inner.backendStartedAt;
  outer.backendMs = inner.backendMs;
  return reply;
}

/** A reply whose configuration stays until its content has ended. */
function held(reply: Reply, { snapshot }: Exchange): Reply {
  const { status, headers, body, refusal, isFromBackend } = reply;
  if (!(body instanceof BodyStream)) {
    snapshot.leave();
    return reply;
  }
  const holding = new Reply(
    status,
    headers,
    counted(body, () => snapshot.leave()),
    refusal,
  );
  holding.isFromBackend = isFromBackend;
  return holding;
}
