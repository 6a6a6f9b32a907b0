import { type Outbound, type Reply, refuse } from '#sdk';
import type { HeaderField } from '#sdk/signatures/alibaba-message';
import { type HuaweiMessage, bodyHash, emptyBodyHash, unsignedPayload } from '#sdk/signatures/huawei-message';
import { type Signer, settle, unreadable } from './method.ts';

/** What is signed beside Host and X-Sdk-Date, where the request has it. */
export const signedNames: readonly string[] = ['content-type'];

/** A body that announces more than this is not read to be signed: it streams, as UNSIGNED-PAYLOAD. */
const maxSignedBytes = 12 * 1024 * 1024;

/**
 * A signer that gives `sign` the request as it will be on the wire, and sets the fields it gets back.
 * @param sign answers undefined when the request has more parameters than can be signed
 */
export function huaweiSigner(
  sign: (message: HuaweiMessage, payload: string, host: string) => readonly HeaderField[] | undefined,
): Signer {
  const finish = (outbound: Outbound, payload: string): Reply | undefined => {
    const host = outbound.host ?? outbound.origin.slice(outbound.origin.indexOf('//') + 2);
    let fields: readonly HeaderField[] | undefined;
    try {
      fields = sign(messageOf(outbound), payload, host);
    } catch (error) {
      return refuse('signature-failed', { cause: error instanceof Error ? error.message : 'it failed' });
    }
    if (fields === undefined)
      return refuse('signature-failed', { cause: 'more parameters than can be signed' });
    // What is signed is what is sent, whatever server of several it goes to in the end.
    if (host !== '') outbound.host = host;
    for (const [name, value] of fields) outbound.headers.set(name, value);
    return undefined;
  };
  return (outbound) => {
    // A caller's own would be taken for the hash of the body.
    outbound.headers.delete('x-sdk-content-sha256');
    for (const name of signedNames) settle(outbound.headers, name);
    if (!outbound.hasBody) return finish(outbound, emptyBodyHash);
    if ((outbound.bodyLength ?? 0) > maxSignedBytes) return finish(outbound, unsignedPayload);
    return outbound.readBody().then((body) => finish(outbound, bodyHash(body)), unreadable);
  };
}

function messageOf({ method, path, rawQuery, headers }: Outbound): HuaweiMessage {
  return { method, path, rawQuery, header: (name) => headers.combined(name) };
}
