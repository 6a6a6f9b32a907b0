import { readFileSync } from 'node:fs';
import { isFormType, type HeaderField, type SignedMessage } from './alibaba-message.ts';

/** A request recorded from an official client, with what it signed. `headers` are in lower case. */
export interface ClientVector {
  readonly name: string;
  readonly sdkQuirk: boolean;
  readonly request: VectorRequest;
  readonly appSecret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly stringToSign: string;
  readonly signature: string;
}

interface VectorRequest {
  readonly method: string;
  readonly url: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly body: string;
}

/** A request as the official backend demo signs it. */
export interface BackendVector {
  readonly name: string;
  readonly secretKeyName: string;
  readonly secret: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly signedHeaders: Readonly<Record<string, string>>;
    readonly parameters: Readonly<Record<string, string>>;
  };
  readonly formIn?: readonly string[];
  readonly stringToSign: string;
  readonly signature: string;
}

const file = new URL('alibaba-vectors.json', import.meta.url);

export const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly client: readonly ClientVector[];
  readonly backend: readonly BackendVector[];
};

/** Parts of a message; the rest is a GET of `/` without anything. */
export interface MessageParts {
  readonly method?: string | undefined;
  /** Path and query. */
  readonly target?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly form?: string | Uint8Array | undefined;
}

export function message(parts: MessageParts): SignedMessage {
  const { method = 'GET', target = '/', headers = {}, form } = parts;
  const question = target.indexOf('?');
  const fields = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    method,
    path: question < 0 ? target : target.slice(0, question),
    rawQuery: question < 0 ? '' : target.slice(question + 1),
    form,
    header: (name) => fields.get(name.toLowerCase()),
  };
}

export function vectorParts(vector: ClientVector): MessageParts {
  const { method, url, body, bodyEncoding } = vector.request;
  const form = isFormType(vector.headers['content-type']) ? Buffer.from(body, bodyEncoding) : undefined;
  return { method, target: url, headers: vector.headers, form };
}

/** The parts with the fields set on them. */
export function withFields(parts: MessageParts, fields: readonly HeaderField[] | undefined): MessageParts {
  if (fields === undefined) throw new Error('not signed');
  const added = fields.map(([name, value]) => [name.toLowerCase(), value]);
  return { ...parts, headers: { ...parts.headers, ...Object.fromEntries(added) } };
}

/** Numbers of 0 to 1, always the same ones for a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
