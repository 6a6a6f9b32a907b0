import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generate } from 'selfsigned';

/** PEM texts of a certificate and its key. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const common = { keyType: 'ec', algorithm: 'sha256' } as const;

/** An authority that issues certificates. */
export async function createAuthority(name: string): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** A certificate for a host name, or for a client of that name, from an authority or from itself. */
export async function createPair(name: string, authority?: Pair): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...common,
    ...(authority === undefined ? {} : { ca: authority }),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** Writes files into a new folder; answers the folder. */
export function writeFiles(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tapgate-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}
