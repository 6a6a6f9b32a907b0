import { type KeyObject, createSecretKey } from 'node:crypto';
import type { Clock, FunctionResult, GatewayFunction, Invocation } from '#sdk';
import { bodyHash } from '#sdk/signatures/huawei-message';
import { signHuawei } from '#sdk/signatures/huawei-sign';
import { Agent, request } from 'undici';
import type { FunctionOptions } from './options.ts';
import { versionOf } from './version.ts';

const defaultConcurrency = 64;
const defaultResultBytes = 6 * 1024 * 1024;

/**
 * No connection could be had, for which no caller is to blame. One that broke may have been broken by what a caller sent,
 * and that no descriptor is left by how many callers there are.
 */
const unconnected: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A function that somebody else runs: any URL that takes the event, or FunctionGraph's invocation API. */
export class RemoteFunction implements GatewayFunction {
  readonly name: string;
  readonly timeoutMs: number;
  readonly version: string;
  readonly handOver?: NonNullable<GatewayFunction['handOver']>;
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #signer:
    | { readonly key: string; readonly secret: KeyObject; readonly project: string }
    | undefined;
  readonly #clock: Clock;
  readonly #mostInFlight: number;
  #inFlight = 0;

  constructor(name: string, options: FunctionOptions, clock: Clock) {
    const {
      url,
      endpoint = '',
      urn = '',
      project = '',
      accessKey = '',
      secretKey = '',
      concurrency = defaultConcurrency,
    } = options;
    this.name = name;
    this.timeoutMs = options.timeoutMs;
    this.version = versionOf(name, options);
    this.#clock = clock;
    this.#agent = new Agent({ connections: concurrency });
    this.#mostInFlight = concurrency + options.queue;
    this.#url = new URL(url ?? endpoint);
    if (url !== undefined) return;
    const base = this.#url.pathname.replace(/\/$/, '');
    this.#url.pathname = `${base}/v2/${encodeURIComponent(project)}/fgs/functions/${urn}/invocations`;
    this.#signer = { key: accessKey, secret: createSecretKey(Buffer.from(secretKey)), project };
    const later = new URL(this.#url);
    later.pathname += '-async';
    this.handOver = (event, invocation) =>
      this.#call(later, event, invocation, (status, _fields, text) => handedOver(status, text));
  }

  invoke(event: Readonly<Record<string, unknown>>, invocation: Invocation): Promise<FunctionResult> {
    const isWrapped = this.#signer !== undefined;
    return this.#call(this.#url, event, invocation, (status, fields, text) =>
      isWrapped ? invoked(status, fields, text) : resultOf(status, text),
    );
  }

  async #call(
    url: URL,
    event: Readonly<Record<string, unknown>>,
    invocation: Invocation,
    read: (status: number, fields: Answered, text: string) => FunctionResult,
  ): Promise<FunctionResult> {
    const wallMs = Math.min(this.timeoutMs, invocation.timeoutMs ?? Infinity);
    if (this.#inFlight >= this.#mostInFlight)
      return { fault: 'busy', detail: 'too many calls are waiting for it' };
    const late = AbortSignal.timeout(wallMs);
    const { signal: unwanted } = invocation;
    const signal = unwanted === undefined ? late : AbortSignal.any([late, unwanted]);
    this.#inFlight += 1;
    try {
      const body = Buffer.from(JSON.stringify(event));
      const headers = this.#headers(url, body, invocation.requestId);
      const options = { method: 'POST', headers, body, signal, dispatcher: this.#agent } as const;
      const { statusCode, headers: fields, body: answer } = await request(url, options);
      const text = await collect(answer, invocation.maxResultLength ?? defaultResultBytes);
      if (text === undefined) return { fault: 'bad-answer', detail: 'its answer is too large' };
      return read(statusCode, fields, text);
    } catch (error) {
      if (unwanted?.aborted === true) return { fault: 'busy', detail: 'nobody waits for it any more' };
      if (late.aborted) return { fault: 'timeout', detail: `it gave no answer within ${wallMs} ms` };
      const { code = '', message = 'the call failed' } = error as { code?: string; message?: string };
      return { fault: unconnected.has(code) ? 'unreachable' : 'failed', detail: message };
    } finally {
      this.#inFlight -= 1;
    }
  }

  release(): void {
    void this.#agent.close();
  }

  #headers(url: URL, body: Buffer, requestId: string): Record<string, string> {
    const headers: Record<string, string> = { 'content-type': 'application/json', 'x-request-id': requestId };
    const signer = this.#signer;
    if (signer === undefined) return headers;
    headers['x-project-id'] = signer.project;
    headers['x-cff-request-version'] = 'v1';
    const { host, pathname: path, search } = url;
    const header = (name: string): string | undefined => headers[name];
    const signed = signHuawei({ method: 'POST', path, rawQuery: search.slice(1), header }, bodyHash(body), {
      key: signer.key,
      secret: signer.secret,
      timestampMs: this.#clock.now(),
      host,
      names: ['content-type', 'x-project-id'],
    });
    return { ...headers, ...Object.fromEntries(signed ?? []) };
  }
}

type Answered = Readonly<Record<string, string | string[] | undefined>>;

/** An answer of the asynchronous invocation API, `{request_id}`; any body but that only leaves the name out. */
function handedOver(status: number, text: string): FunctionResult {
  if (status !== 202 && status !== 200) return resultOf(status, text);
  try {
    const value = JSON.parse(text) as unknown;
    return { value: isRecord(value) ? value['request_id'] : undefined };
  } catch {
    return { value: undefined };
  }
}

/** An answer of the invocation API: the function's own, or what v1 wraps it in. */
function invoked(status: number, fields: Answered, text: string): FunctionResult {
  if (fields['x-is-func-err'] === 'true' || !['0', undefined].includes(fields['x-func-err-code']?.toString()))
    return { fault: 'failed', detail: `the function failed with ${String(fields['x-func-err-code'])}` };
  const result = resultOf(status, text);
  if (result.fault !== undefined || !isRecord(result.value)) return result;
  const { result: wrapped, request_id: requestId } = result.value;
  if (wrapped === undefined || requestId === undefined) return result;
  return typeof wrapped === 'string' ? resultOf(status, wrapped) : { value: wrapped };
}

function resultOf(status: number, text: string): FunctionResult {
  // Too many calls are what callers can bring about: no outage.
  if (status === 429) return { fault: 'busy', detail: 'it answered 429' };
  if (status >= 500) return { fault: 'unreachable', detail: `it answered ${status}` };
  if (status !== 200) return { fault: 'failed', detail: `it answered ${status}` };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return { fault: 'bad-answer', detail: 'its answer is no JSON' };
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function collect(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
