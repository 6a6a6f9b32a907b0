import { randomFillSync } from 'node:crypto';
import type { Fields } from '#sdk';

/** Who a request belongs to, as the W3C's Trace Context has it (https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** 32 and 16 hexadecimal digits in lower case. */
  readonly traceId: string;
  readonly spanId: string;
  /** Bit 0: sampled. Bit 1: the trace's id is random. */
  readonly flags: number;
  /** `tracestate`, as it came; undefined when there is none, or one that must not be passed on. */
  readonly state: string | undefined;
}

export const sampledFlag = 1;
/** What this version of the recommendation knows; others are not passed on (section 3.2.2.5). */
const knownFlags = 3;

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?=$|(-))/;
const noTrace = '0'.repeat(32);
const noSpan = '0'.repeat(16);

/** The caller's context; undefined when there is none that can be understood, and a new trace begins. */
export function readContext(headers: Fields): TraceContext | undefined {
  const text = headers.get('traceparent');
  if (text === undefined) return undefined;
  const [found, version, traceId = '', spanId = '', flags = '', more] = traceparent.exec(text) ?? [];
  if (found === undefined || version === 'ff' || traceId === noTrace || spanId === noSpan) return undefined;
  // A later version may have more behind it, this one has not.
  if (version === '00' && more !== undefined) return undefined;
  if (headers.getAll('traceparent').length > 1) return undefined;
  const state = readState(headers.combined('tracestate'));
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & knownFlags, state };
}

const mostMembers = 32;
const member =
  /^[ \t]*(?:[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}|[a-z][a-z0-9_\-*/]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e][ \t]*$/;

/** What cannot be understood is dropped as a whole, and the trace goes on without it (section 3.3.1.5). */
function readState(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const members = text.split(',').filter((each) => each.trim() !== '');
  if (members.length === 0 || members.length > mostMembers) return undefined;
  return members.every((each) => member.test(each)) ? text : undefined;
}

export function formatTraceparent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-0${flags}`;
}

/** Says how many of all traces are sampled; the same trace's id gives the same answer. */
export function isWithin(traceId: string, ratio: number): boolean {
  // 52 bits, which a number holds exactly; the last ones are the random ones (level 2, section 5.1).
  return Number.parseInt(traceId.slice(19), 16) < ratio * 2 ** 52;
}

const pool = Buffer.alloc(8192);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}

export function newTraceId(): string {
  for (;;) {
    const id = randomHex(16);
    if (id !== noTrace) return id;
  }
}

export function newSpanId(): string {
  for (;;) {
    const id = randomHex(8);
    if (id !== noSpan) return id;
  }
}
