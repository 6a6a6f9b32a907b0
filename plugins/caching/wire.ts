import { Entry, type Stored } from './entry.ts';
import type { Terms } from './terms.ts';

/* How an answer is written into a store outside: four bytes with the length of a head in JSON, the head, the content. */

interface Head extends Omit<Stored, 'body'> {
  readonly terms: Terms;
  readonly generation: string;
}

/** What stands in a store at a place: an answer, or what there are several answers by. */
export type Written =
  | { readonly entry: Entry; readonly generation: string }
  | { readonly varyNames: readonly string[] };

export function writeEntry({ body, ...entry }: Entry, generation: string): Uint8Array {
  const { status, flat, varyNames, selecting, requestedAt, respondedAt, terms } = entry;
  const head: Head = { status, flat, varyNames, selecting, requestedAt, respondedAt, terms, generation };
  return join(head, body);
}

export function writeNames(varyNames: readonly string[]): Uint8Array {
  return join({ several: varyNames }, new Uint8Array());
}

function join(head: object, body: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  const bytes = Buffer.allocUnsafe(4 + text.length + body.length);
  bytes.writeUInt32BE(text.length);
  text.copy(bytes, 4);
  bytes.set(body, 4 + text.length);
  return bytes;
}

/** Undefined when it is nothing that was written here. */
export function readWritten(value: Uint8Array): Written | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  if (bytes.length < 4) return undefined;
  const start = 4 + bytes.readUInt32BE();
  try {
    const head = JSON.parse(bytes.toString('utf8', 4, start)) as
      | Head
      | { readonly several: readonly string[] };
    if ('several' in head) return { varyNames: head.several };
    const { terms, generation, ...stored } = head;
    // What JSON cannot say is left out, which is what it stood for.
    return { entry: new Entry({ ...stored, body: bytes.subarray(start) }, terms), generation };
  } catch {
    return undefined;
  }
}
