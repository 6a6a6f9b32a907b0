import { createHash, createHmac } from 'node:crypto';

// Nothing here may come from `sdk/signatures`: this is what a backend's author would write from the vendor's pages.

/** A request as it was on the wire. */
export interface Wire {
  readonly method: string;
  /** The request target, as it came. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

function lines(request: Wire, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]?.toLowerCase() === name) values.push(request.rawHeaders[index + 1] ?? '');
  }
  return values;
}

export function only(request: Wire, name: string): string {
  const values = lines(request, name);
  if (values.length !== 1) throw new Error(`${values.length} fields ${name}`);
  return values[0] ?? '';
}

function percentDecode(text: string): number[] {
  const bytes: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const digits = /^%([0-9a-f]{2})/i.exec(text.slice(at, at + 3));
    bytes.push(digits === null ? text.charCodeAt(at) : Number.parseInt(digits[1] ?? '', 16));
    if (digits !== null) at += 2;
  }
  return bytes;
}

function percentEncode(bytes: number[]): string {
  return bytes
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[\w.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

const recode = (text: string): string => percentEncode(percentDecode(text));

export function canonicalRequest(request: Wire, names: string): string {
  const question = `${request.url}?`.indexOf('?');
  const path = request.url.slice(0, question).split('/').map(recode).join('/');
  const pairs = request.url
    .slice(question + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(pair.replaceAll('+', ' ')) ?? [];
      return [Buffer.from(percentDecode(name)).toString(), Buffer.from(percentDecode(value)).toString()];
    })
    .sort(([a = '', b = ''], [c = '', d = '']) => (a < c ? -1 : a > c ? 1 : b < d ? -1 : b > d ? 1 : 0))
    .map((pair) => pair.map((text) => percentEncode([...Buffer.from(text)])).join('='));
  const fields = names.split(';').map((name) => `${name}:${only(request, name).trim()}\n`);
  const [stated] = lines(request, 'x-sdk-content-sha256');
  return [
    request.method.toUpperCase(),
    path.endsWith('/') ? path : `${path}/`,
    pairs.join('&'),
    fields.join(''),
    names,
    stated ?? createHash('sha256').update(request.body).digest('hex'),
  ].join('\n');
}

/** Who a backend believes, and what time it is there. */
export interface Trusted {
  readonly key: string;
  readonly secret: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Why a backend would not believe that the gateway sent this; undefined when it would. */
export function doubt(request: Wire, { key, secret, now }: Trusted): string | undefined {
  const given = /^SDK-HMAC-SHA256 Access=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
    only(request, 'authorization'),
  );
  if (given === null) return 'no signature';
  const [, access, names = '', signature] = given;
  if (access !== key) return 'another key';
  const date = only(request, 'x-sdk-date');
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const time = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  if (!(Math.abs(now - time) <= 15 * 60_000)) return 'too old';
  const signed = names.split(';');
  if (!signed.includes('x-sdk-date') || !signed.includes('host')) return 'unsigned date or host';
  if (lines(request, 'x-sdk-content-sha256').length > 0 && !signed.includes('x-sdk-content-sha256'))
    return 'unsigned hash';
  return signature === signatureOf(request, names, secret) ? undefined : 'a wrong signature';
}

function signatureOf(request: Wire, names: string, secret: string): string {
  const digest = createHash('sha256').update(canonicalRequest(request, names)).digest('hex');
  const text = `SDK-HMAC-SHA256\n${only(request, 'x-sdk-date')}\n${digest}`;
  return createHmac('sha256', secret).update(text).digest('hex');
}

/** `X-Sdk-Date` and `Authorization` for a request of the one who is trusted; all its fields are signed. */
export function proofOf(request: Wire, { key, secret, now }: Trusted): Record<string, string> {
  const date = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  const dated = { ...request, rawHeaders: [...request.rawHeaders, 'x-sdk-date', date] };
  const names = dated.rawHeaders
    .filter((_, index) => index % 2 === 0)
    .map((name) => name.toLowerCase())
    .sort()
    .join(';');
  const signature = signatureOf(dated, names, secret);
  return {
    'X-Sdk-Date': date,
    Authorization: `SDK-HMAC-SHA256 Access=${key}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
