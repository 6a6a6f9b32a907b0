import { type FunctionResult, type GatewayFunction, type Outbound, Reply, refuse, reply } from '#sdk';
import type { AsyncCalls } from './calls.ts';

/** A call that is to be made after its caller was answered. */
export interface LaterCall {
  readonly called: GatewayFunction;
  readonly event: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number | undefined;
  readonly now: number;
}

/** 202 when the call is kept, here or by an engine that does that itself; why not, when it gave no answer. */
export async function callLater(
  outbound: Outbound,
  call: LaterCall,
  calls: AsyncCalls,
): Promise<Reply | Extract<FunctionResult, { readonly detail: string }>> {
  const { called, event, timeoutMs } = call;
  const { requestId, api, environment } = outbound.exchange;
  if (called.handOver !== undefined) {
    const result = await called.handOver(event, {
      requestId,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return result.fault === undefined ? accepted(result.value, requestId) : result;
  }
  const kept = {
    requestId,
    function: called.name,
    api: api.name,
    environment,
    timeoutMs,
    event: JSON.stringify(event),
    acceptedAt: call.now,
  };
  try {
    if (await calls.add(kept)) return accepted(undefined, requestId);
  } catch (error) {
    return refuse('state-unavailable', { cause: error instanceof Error ? error.message : 'it failed' });
  }
  return refuse('function-busy', { cause: 'the queue is full' });
}

/** The answer of the vendor's asynchronous invocation. */
function accepted(name: unknown, requestId: string): Reply {
  const id = typeof name === 'string' ? name : requestId;
  return reply(202, { 'content-type': 'application/json' }, JSON.stringify({ request_id: id }));
}
