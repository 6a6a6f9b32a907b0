import type { Fields, Outbound } from '#sdk';
import { stripCookies } from './cookies.ts';
import { admittedNote } from './gate.ts';
import type { Config } from './options.ts';

/** Makes what the backend gets of who calls. What callers themselves send under these names never reaches it. */
export function compileOutbound({
  claims,
  idTokenHeader,
  accessToken,
}: Config): (outbound: Outbound) => undefined {
  const names = claims.map(({ header }) => header.toLowerCase());
  const written = new Set(idTokenHeader === undefined ? names : [...names, idTokenHeader.toLowerCase()]);
  return ({ headers, exchange }) => {
    stripCookies(headers);
    if (written.size > 0) headers.deleteAll(written);
    const admitted = exchange.notes.get(admittedNote);
    if (accessToken === 'send' && admitted !== undefined)
      headers.set('Authorization', `Bearer ${admitted.accessToken}`);
    else if (accessToken !== 'keep') removeBearer(headers, exchange.headers);
    if (admitted === undefined) return undefined;
    for (const { claim, header } of claims) {
      const value = textOf(admitted.identity.claims?.[claim]);
      if (value !== undefined) headers.set(header, value);
    }
    if (idTokenHeader !== undefined && admitted.idToken !== undefined)
      headers.set(idTokenHeader, admitted.idToken);
    return undefined;
  };
}

/** Another value than the caller's is somebody's signature, which may have been set before. */
function removeBearer(headers: Fields, sent: Fields): void {
  const value = headers.combined('authorization');
  if (value !== undefined && /^bearer\b/i.test(value) && value === sent.combined('authorization'))
    headers.delete('authorization');
}

/** Lists with commas, objects as JSON; bytes of UTF-8, one character each, as fields hold them. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const isList = Array.isArray(value) && value.every((each) => typeof each !== 'object');
  const text = typeof value === 'string' ? value : isList ? value.join(',') : JSON.stringify(value);
  return Buffer.from(text.replaceAll(/[\x00-\x1f\x7f]+/g, ' '), 'utf8').toString('latin1');
}
