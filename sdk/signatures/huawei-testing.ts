import { readFileSync } from 'node:fs';
import { parseAuthorization, type HuaweiSignature } from './huawei-authorization.ts';
import { bodyHash, emptyBodyHash, type HuaweiMessage } from './huawei-message.ts';
import { message, type MessageParts } from './alibaba-testing.ts';

/** What an official client signed, with keys made up for the purpose. */
export interface HuaweiVector {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly wire_query_axios: string;
    readonly body: string | null;
  };
  readonly secret_key: string;
  readonly x_sdk_date: string;
  readonly payload_hash: string;
  readonly canonical_request: string;
  readonly string_to_sign: string;
  readonly signed_headers_sent: Readonly<Record<string, string>>;
  readonly authorization: string;
}

const file = new URL('huawei-vectors.json', import.meta.url);

export const vectors = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly vectors: readonly HuaweiVector[];
  readonly derived_key_vector: { readonly authorization: string };
};

/** A message whose path and headers are as on the wire, one character a byte. */
export function huaweiMessage(parts: MessageParts): HuaweiMessage {
  return message(parts);
}

export function wire(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function vectorMessage({ request, signed_headers_sent }: HuaweiVector): MessageParts {
  const { method, path, wire_query_axios: query } = request;
  return { method, target: wire(query === '' ? path : `${path}?${query}`), headers: signed_headers_sent };
}

export function vectorBodyHash({ request }: HuaweiVector): string {
  return request.body === null ? emptyBodyHash : bodyHash(Buffer.from(request.body));
}

/** The signature that a header value holds; a test that expects another outcome calls `parseAuthorization` itself. */
export function signatureIn(value: string): HuaweiSignature {
  const parsed = parseAuthorization(value);
  if (parsed?.kind !== 'signature') throw new Error(`not a signature: ${JSON.stringify(parsed)}`);
  return parsed;
}
