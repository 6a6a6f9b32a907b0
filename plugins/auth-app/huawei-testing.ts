import { createHash, createHmac } from 'node:crypto';
import { VirtualClock, type TestGateway } from '#sdk/testing';
import { gatewayWith, key, secret } from './testing.ts';

/** The time of the vectors, and what X-Sdk-Date says of it. */
export const signedAt = Date.UTC(2026, 0, 15, 3, 36, 55);
export const date = '20260115T033655Z';

export const emptyHash = sha256('');

export interface HuaweiCall {
  readonly method?: string;
  /** What goes over the wire. */
  readonly target?: string;
  readonly body?: string;
  readonly key?: string;
  readonly secret?: string;
  /** Beside or instead of host and X-Sdk-Date, all signed; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Names to sign; all the headers unless given. */
  readonly names?: readonly string[];
  /** What stands for path and query in the canonical request; `/orders/` and nothing unless given. */
  readonly uri?: string;
  readonly query?: string;
}

export interface SignedHuaweiCall {
  readonly method: string;
  readonly target: string;
  readonly canonical: string;
  readonly signature: string;
  readonly options: { readonly headers: Record<string, string>; readonly body?: string };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Signs by the vendor's description alone; shares no code with the verifier. */
export function signed(call: HuaweiCall = {}): SignedHuaweiCall {
  const { method = 'GET', target = '/orders', body, uri = '/orders/', query = '' } = call;
  const given = { host: 'test', 'x-sdk-date': date, ...call.headers };
  const headers = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const names = (call.names ?? Object.keys(headers)).toSorted();
  const lines = names.map((name) => `${name}:${headers[name] ?? ''}\n`).join('');
  const payload = headers['x-sdk-content-sha256'] ?? sha256(body ?? '');
  const canonical = [method, uri, query, lines, names.join(';'), payload].join('\n');
  const text = `SDK-HMAC-SHA256\n${headers['x-sdk-date'] ?? ''}\n${sha256(canonical)}`;
  const signature = createHmac('sha256', call.secret ?? secret)
    .update(text)
    .digest('hex');
  headers['authorization'] =
    `SDK-HMAC-SHA256 Access=${call.key ?? key}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return {
    method,
    target,
    canonical,
    signature,
    options: { headers, ...(body === undefined ? {} : { body }) },
  };
}

/** A gateway whose clock stands at the time of the vectors. */
export function huaweiGateway(test: Parameters<typeof gatewayWith>[0] = {}): Promise<TestGateway> {
  return gatewayWith({ clock: new VirtualClock(signedAt), ...test });
}
