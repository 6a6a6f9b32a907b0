import { type Answer, type Fields, type Kit, type Outbound, Reply, refuse } from '#sdk';
import { type HeaderField, type SignedMessage, isFormType } from '#sdk/signatures/alibaba-message';
import type { algorithms, ciphers } from './options.ts';

/** The plugin's options, checked. */
export interface SignatureConfig {
  readonly method: 'alibaba-client' | 'alibaba-backend' | 'hmac' | 'basic' | 'aes';
  readonly key: string;
  readonly secret: string;
  readonly algorithm?: (typeof algorithms)[number] | (typeof ciphers)[number];
}

/** Signs one outbound request in place, or says why it cannot. */
export type Signer = (outbound: Outbound) => Answer<Reply>;

/** A way to sign. A further one is a file like `alibaba-backend.ts` and a line in `plugin.ts`. */
export type Method = (config: SignatureConfig, kit: Pick<Kit, 'clock' | 'problem'>) => Signer;

// A caller's own would be taken for the gateway's. Content-MD5 is among them because a plugin may have changed the
// body since; it comes back computed from what is sent.
const stale: ReadonlySet<string> = new Set([
  'content-md5',
  'x-ca-key',
  'x-ca-nonce',
  'x-ca-proxy-signature',
  'x-ca-proxy-signature-headers',
  'x-ca-proxy-signature-secret-key',
  'x-ca-signature',
  'x-ca-signature-headers',
  'x-ca-signature-method',
  'x-ca-timestamp',
]);

/**
 * A signer that gives `sign` the request as it will be on the wire, and sets the fields it gets back.
 * @param signed lower-case names of fields that the signature covers
 * @param sign answers undefined when the request has more parameters than can be signed
 */
export function alibabaSigner(
  signed: readonly string[],
  sign: (message: SignedMessage, body: Buffer | undefined) => readonly HeaderField[] | undefined,
): Signer {
  const finish = (outbound: Outbound, body: Buffer | undefined): Reply | undefined => {
    const fields = sign(messageOf(outbound, body), body);
    if (fields === undefined)
      return refuse('signature-failed', { cause: 'more parameters than can be signed' });
    for (const [name, value] of fields) outbound.headers.set(name, value);
    return undefined;
  };
  return (outbound) => {
    outbound.headers.deleteAll(stale);
    for (const name of signed) settle(outbound.headers, name);
    if (!outbound.hasBody) return finish(outbound, undefined);
    return outbound.readBody().then((body) => finish(outbound, body), unreadable);
  };
}

function messageOf({ method, path, rawQuery, headers }: Outbound, body: Buffer | undefined): SignedMessage {
  const form = isFormType(headers.get('content-type')) ? body : undefined;
  return { method, path, rawQuery, form, header: (name) => headers.get(name) };
}

/** One line and no blanks around it: receivers differ in how they read several, and all of them drop the blanks. */
export function settle(headers: Fields, name: string): void {
  const value = headers.combined(name);
  if (value === undefined) return;
  const plain = value.trim();
  if (plain !== headers.get(name)) headers.set(name, plain);
}

/** A refusal is the caller's fault (too large, late, cut) and says so; anything else is ours. */
export function unreadable(error: unknown): Reply {
  if (error instanceof Reply) return error;
  const reason = error instanceof Error ? error.message : 'it failed';
  return refuse('signature-failed', { cause: `the body cannot be read: ${reason}` });
}
