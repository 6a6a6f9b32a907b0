import type { Attributes } from '@opentelemetry/api';
import { type Arrival, type Clock, type Completed, type Inbound, type Outbound, defineNote } from '#sdk';
import { clientAttributes, clientError, methodName, routeOf, serverAttributes } from './attributes.ts';
import type { TracingConfig } from './options.ts';
import { EndedSpan, type ResourceHolder, type SpanFacts, spanKinds } from './span.ts';
import {
  type TraceContext,
  formatTraceparent,
  isWithin,
  newSpanId,
  newTraceId,
  readContext,
  sampledFlag,
} from './trace-context.ts';

/** A request's place in its trace. */
interface Place {
  readonly parent: TraceContext | undefined;
  /** The server span's; of a trace that is not sampled, what is passed on. */
  readonly context: TraceContext;
}

/** A backend call. */
interface Call {
  readonly context: TraceContext;
  readonly name: string;
  readonly attributes: Attributes;
  /** By the clock of `performance.now()`. */
  readonly startedAt: number;
  /** What the backend answered, before anybody made something else of it. */
  status: number | undefined;
}

/** Decided once for a request; the call is undefined where the trace is not sampled. */
const note = defineNote<{ readonly place: Place; readonly call: Call | undefined }>('tracing');

/** Takes the spans of one configuration. */
export interface SpanSink {
  readonly holder: ResourceHolder;
  add(span: EndedSpan): void;
}

/** Follows requests: passes their context on, and tells of them when they are over. */
export class Tracer {
  readonly #ratio: number;
  readonly #query: ReadonlySet<string>;
  readonly #sink: SpanSink;
  readonly #clock: Clock;

  constructor({ ratio, query }: TracingConfig, sink: SpanSink, clock: Clock) {
    this.#ratio = ratio;
    this.#query = new Set(query);
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Tells the backend which trace the request belongs to. */
  sign(outbound: Outbound): void {
    const { exchange, headers } = outbound;
    // A request may ask its backend more than once.
    const place = exchange.notes.get(note)?.place ?? this.#placeOf(exchange);
    if (place.context.state === undefined) headers.delete('tracestate');
    const isSampled = (place.context.flags & sampledFlag) !== 0;
    const context = isSampled ? { ...place.context, spanId: newSpanId() } : place.context;
    headers.set('traceparent', formatTraceparent(context));
    const call = isSampled ? callOf(outbound, context) : undefined;
    exchange.notes.set(note, { place, call });
  }

  answered({ exchange, status, source, refusal }: Inbound): void {
    const call = exchange.notes.get(note)?.call;
    if (call !== undefined && source === 'backend' && refusal === undefined) call.status = status;
  }

  completed(notice: Completed): void {
    const { arrival, exchange, durationMs } = notice;
    const kept = exchange?.notes.get(note);
    const place = kept?.place ?? this.#placeOf(arrival);
    if ((place.context.flags & sampledFlag) === 0) return;
    const endMs = this.#clock.now();
    if (kept?.call !== undefined) this.#called(kept.call, place, notice, endMs);
    const method = methodName(arrival.method);
    const route = routeOf(exchange);
    const attributes = serverAttributes(notice, this.#query);
    this.#tell({
      context: place.context,
      parent: place.parent,
      isParentRemote: true,
      name: route === undefined ? method : `${method} ${route}`,
      kind: spanKinds.server,
      startMs: endMs - durationMs,
      endMs,
      attributes,
      // Who leaves early has not been failed.
      isError: attributes['error.type'] !== undefined && notice.outcome !== 'client-gone',
    });
  }

  #called(
    { context, name, attributes, startedAt, status: answered }: Call,
    place: Place,
    notice: Completed,
    endMs: number,
  ): void {
    const { backendMs, status, answeredBy } = notice;
    // A plugin answered after all, or the configuration did.
    if (backendMs === undefined && (status !== 499 || answeredBy !== undefined)) return;
    const startMs = endMs - (performance.now() - startedAt);
    if (answered !== undefined) attributes['http.response.status_code'] = answered;
    const error = clientError(notice, answered);
    if (error !== undefined) attributes['error.type'] = error;
    this.#tell({
      context,
      parent: place.context,
      isParentRemote: false,
      name,
      kind: spanKinds.client,
      startMs,
      // Until the head of the answer.
      endMs: backendMs === undefined ? endMs : Math.min(endMs, startMs + backendMs),
      attributes,
      isError: error !== undefined,
    });
  }

  #tell(facts: SpanFacts): void {
    this.#sink.add(new EndedSpan(facts, this.#sink.holder));
  }

  #placeOf({ headers }: Arrival): Place {
    const parent = readContext(headers);
    if (parent === undefined) {
      const traceId = newTraceId();
      const flags = isWithin(traceId, this.#ratio) ? sampledFlag : 0;
      return { parent, context: { traceId, spanId: newSpanId(), flags, state: undefined } };
    }
    // No span of this request will be told, so what comes behind it is the caller's child.
    if ((parent.flags & sampledFlag) === 0) return { parent, context: parent };
    return { parent, context: { ...parent, spanId: newSpanId() } };
  }
}

function callOf(outbound: Outbound, context: TraceContext): Call {
  return {
    context,
    name: outbound.origin === '' ? 'backend' : methodName(outbound.method),
    attributes: clientAttributes(outbound),
    startedAt: performance.now(),
    status: undefined,
  };
}
