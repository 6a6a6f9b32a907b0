import { X509Certificate, constants, createHash } from 'node:crypto';
import { type SecureContext, type SecureContextOptions, type TLSSocket, createSecureContext } from 'node:tls';
import { HostTable, type RefusalKind } from '#sdk';
import type { CertificatePair } from './development-certificate.ts';

/** What a server name has of its own: a certificate, and the authorities of the certificates its clients must show. */
export interface TlsDomain {
  readonly host: string;
  readonly pair: CertificatePair;
  readonly clientCa: string | undefined;
}

/** What a TLS listener is given. */
export interface TlsParts {
  readonly pair: CertificatePair;
  readonly minVersion: '1.2' | '1.3';
  /** Authorities for every domain that has none of its own. */
  readonly clientCa: string | undefined;
  readonly domains: readonly TlsDomain[];
}

/** How one listener speaks TLS, under one configuration. */
export class ListenerTls {
  /** For names that no domain has a certificate for, and for clients that tell no name. */
  readonly options: SecureContextOptions;
  /** Whether clients are asked for certificates. */
  readonly asksForCertificates: boolean;
  /** Equal for configurations that behave the same. */
  readonly fingerprint: string;
  /** One table for both: what a host's clients must show is what the certificate for it is checked with. */
  readonly #domains = new HostTable<{ context: SecureContext; authorities: string | undefined }>();
  readonly #ownAuthorities: string | undefined;

  /** @throws Error when OpenSSL does not take a certificate or key */
  constructor({ pair, minVersion, clientCa, domains }: TlsParts) {
    this.asksForCertificates =
      clientCa !== undefined || domains.some((domain) => domain.clientCa !== undefined);
    // A resumed session would stand for the certificate that an earlier connection showed, or did not.
    const secureOptions = this.asksForCertificates ? constants.SSL_OP_NO_TICKET : 0;
    const common = { minVersion: `TLSv${minVersion}`, secureOptions } as const;
    this.#ownAuthorities = clientCa;
    this.options = { ...common, ...materials(pair, clientCa) };
    for (const { host, pair: own, clientCa: ca = clientCa } of domains) {
      const context = createSecureContext({ ...common, ...materials(own, ca) });
      this.#domains.add(host, { context, authorities: ca });
    }
    const all = JSON.stringify([this.options, domains]);
    this.fingerprint = createHash('sha256').update(all).digest('hex');
  }

  /** The certificate for a server name (RFC 6066 section 3); undefined for the listener's own. */
  contextFor(serverName: string): SecureContext | undefined {
    return this.#domains.find(serverName.toLowerCase())?.context;
  }

  /** The authorities that must have issued what clients of a host show; undefined when they need show nothing. */
  authoritiesFor(host: string): string | undefined {
    const domain = this.#domains.find(host);
    return domain === undefined ? this.#ownAuthorities : domain.authorities;
  }

  /** The authorities that a connection for a server name is checked against; without a name it is the listener's own. */
  checks(serverName: string): string | undefined {
    return serverName === '' ? this.#ownAuthorities : this.authoritiesFor(serverName);
  }
}

function materials({ certificate, key }: CertificatePair, ca: string | undefined): SecureContextOptions {
  return ca === undefined ? { cert: certificate, key } : { cert: certificate, key, ca };
}

/** The authorities that each connection's client was checked against. */
const checkedAgainst = new WeakMap<TLSSocket, string | undefined>();

/** Remembers what a connection was checked against: a reload may ask for more. */
export function noteHandshake(socket: TLSSocket, tls: ListenerTls): void {
  if (tls.asksForCertificates) checkedAgainst.set(socket, tls.checks(serverNameOf(socket)));
}

/**
 * Why a request for a host may not come over this connection. A connection for one name can carry requests for another
 * (RFC 9110 section 7.4), whose clients must show more.
 */
export function clientRefusal(host: string, socket: TLSSocket, tls: ListenerTls): RefusalKind | undefined {
  if (!tls.asksForCertificates) return undefined;
  const authorities = tls.authoritiesFor(host);
  if (authorities === undefined) return undefined;
  if (checkedAgainst.get(socket) !== authorities) return 'misdirected-request';
  // Not `authorized` alone, which is also true of a resumed session without any certificate.
  const isShown = socket.authorized && socket.getPeerX509Certificate() !== undefined;
  return isShown ? undefined : 'client-certificate-required';
}

function serverNameOf(socket: TLSSocket): string {
  const { servername } = socket as TLSSocket & { servername?: string | false | null };
  return typeof servername === 'string' ? servername.toLowerCase() : '';
}

/** When the certificate ends, in milliseconds since 1970. */
export function endOf(certificate: string): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}
