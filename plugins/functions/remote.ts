import { type KeyObject, createSecretKey } from 'node:crypto';
import type { Clock, FunctionResult, GatewayFunction, Invocation } from '#sdk';
import { bodyHash } from '#sdk/signatures/huawei-message';
import { signHuawei } from '#sdk/signatures/huawei-sign';
import { Agent, request } from 'undici';
import type { FunctionOptions } from './options.ts';
import { versionOf } from './version.ts';

const defaultConcurrency = 64;
const defaultResultBytes = 6 * 1024 * 1024;

/** A function that somebody else runs: any URL that takes the event, or FunctionGraph's invocation API. */
export class RemoteFunction implements GatewayFunction {
  readonly name: string;
  readonly timeoutMs: number;
  readonly version: string;
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
  }

  async invoke(event: Readonly<Record<string, unknown>>, invocation: Invocation): Promise<FunctionResult> {
    const wallMs = Math.min(this.timeoutMs, invocation.timeoutMs ?? Infinity);
    if (this.#inFlight >= this.#mostInFlight)
      return { fault: 'busy', detail: 'too many calls are waiting for it' };
    const signal = AbortSignal.timeout(wallMs);
    this.#inFlight += 1;
    try {
      const body = Buffer.from(JSON.stringify(event));
      const headers = this.#headers(body, invocation.requestId);
      const options = { method: 'POST', headers, body, signal, dispatcher: this.#agent } as const;
      const { statusCode, headers: fields, body: answer } = await request(this.#url, options);
      const text = await collect(answer, invocation.maxResultLength ?? defaultResultBytes);
      if (text === undefined) return { fault: 'bad-answer', detail: 'its answer is too large' };
      return this.#signer === undefined ? resultOf(statusCode, text) : invoked(statusCode, fields, text);
    } catch (error) {
      if (signal.aborted) return { fault: 'timeout', detail: `it gave no answer within ${wallMs} ms` };
      return { fault: 'unreachable', detail: error instanceof Error ? error.message : 'the call failed' };
    } finally {
      this.#inFlight -= 1;
    }
  }

  release(): void {
    void this.#agent.close();
  }

  #headers(body: Buffer, requestId: string): Record<string, string> {
    const headers: Record<string, string> = { 'content-type': 'application/json', 'x-request-id': requestId };
    const signer = this.#signer;
    if (signer === undefined) return headers;
    headers['x-project-id'] = signer.project;
    headers['x-cff-request-version'] = 'v1';
    const { host, pathname: path, search } = this.#url;
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

/** An answer of the invocation API: the function's own, or what v1 wraps it in. */
function invoked(
  status: number,
  fields: Readonly<Record<string, string | string[] | undefined>>,
  text: string,
): FunctionResult {
  if (fields['x-is-func-err'] === 'true' || !['0', undefined].includes(fields['x-func-err-code']?.toString()))
    return { fault: 'failed', detail: `the function failed with ${String(fields['x-func-err-code'])}` };
  const result = resultOf(status, text);
  if (result.fault !== undefined || !isRecord(result.value)) return result;
  const { result: wrapped, request_id: requestId } = result.value;
  if (wrapped === undefined || requestId === undefined) return result;
  return typeof wrapped === 'string' ? resultOf(status, wrapped) : { value: wrapped };
}

function resultOf(status: number, text: string): FunctionResult {
  if (status >= 500 || status === 429) return { fault: 'unreachable', detail: `it answered ${status}` };
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
