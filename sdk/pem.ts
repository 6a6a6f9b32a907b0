import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** A certificate, with those that lead to a root behind it, and its private key; both as PEM. */
interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

/** What is wrong with a certificate and its key; undefined when nothing is. */
export function pairFault({ certificate, key }: PemPair): string | undefined {
  // As it is for a moment while it is written. Node takes no text for none given, and would show no certificate.
  if (certificate.trim() === '') return 'the certificate is empty';
  if (key.trim() === '') return 'the key is empty';
  if (key.includes('ENCRYPTED')) return 'the key is encrypted; allowed: one without a passphrase';
  try {
    createSecureContext({ cert: certificate, key });
    return undefined;
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    if (code.endsWith('KEY_VALUES_MISMATCH')) return 'the key is not that of the certificate';
    return message;
  }
}

/** What is wrong with the authorities, as PEM, that others' certificates are checked against; undefined when nothing is. */
export function authoritiesFault(ca: string): string | undefined {
  try {
    createSecureContext({ ca });
    // OpenSSL passes over text that holds no certificate.
    return new X509Certificate(ca).ca ? undefined : 'its first certificate is not that of an authority';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
