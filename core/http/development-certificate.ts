/** A certificate and its key, both PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

const dayMs = 24 * 60 * 60 * 1000;

/** Makes a certificate that nobody vouches for, for `tls: selfsigned`. The key never leaves the process. */
async function createPair(names: readonly string[]): Promise<CertificatePair> {
  // Few gateways make one, and its code takes 15 MB.
  const { generate } = await import('selfsigned');
  const altNames = [
    ...['localhost', ...names].map((value) => ({ type: 2 as const, value })),
    ...['127.0.0.1', '::1'].map((ip) => ({ type: 7 as const, ip })),
  ];
  const made = await generate([{ name: 'commonName', value: 'Tapgate development' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + 365 * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { certificate: made.cert, key: made.private };
}

/** A certificate, and the names it is good for. */
export interface DevelopmentPair {
  readonly names: string;
  readonly pair: CertificatePair;
}

/** The certificates of one process: a reload that changes no domain keeps the one there is. */
export class DevelopmentCertificates {
  #names = '';
  #pair: Promise<CertificatePair> | null = null;

  /** What it has made or was told; null before there is one. */
  async known(): Promise<DevelopmentPair | null> {
    return this.#pair === null ? null : { names: this.#names, pair: await this.#pair };
  }

  /** Another process of this gateway has made it. */
  know({ names, pair }: DevelopmentPair): void {
    this.#names = names;
    this.#pair = Promise.resolve(pair);
  }

  /** @param hosts for which it is good; `*` alone is no name that a certificate can have */
  for(hosts: Iterable<string>): Promise<CertificatePair> {
    const names = [...new Set(hosts)].filter((host) => host !== '*').sort();
    const key = names.join(' ');
    if (this.#pair === null || this.#names !== key) {
      this.#names = key;
      this.#pair = createPair(names);
    }
    return this.#pair;
  }
}
