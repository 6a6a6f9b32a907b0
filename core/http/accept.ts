import type { TLSSocket } from 'node:tls';
import type { Clock, Fields, HostTable, RefusalKind } from '#sdk';
import type { Snapshot } from '../kernel/endpoint.ts';
import { type Delivery, Exchange } from '../kernel/exchange.ts';
import type { RequestBody } from '../kernel/request-body.ts';
import type { Head } from './head.ts';
import { type ListenerTls, clientRefusal } from './tls.ts';
import { newUuid } from './uuid.ts';

/** What may come in (Huawei guide 4.3.3: 414, 494) and how long it may take. */
export interface IngressLimits {
  readonly uriBytes: number;
  readonly headerLineBytes: number;
  readonly headersBytes: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** What an ingress needs of the gateway. */
export interface IngressHost {
  readonly clock: Clock;
  readonly pseudonym: string;
  /** How long a caller may take nothing of an answer that waits for it. */
  readonly stalledMs: number;
  current(): Snapshot;
  limits(): IngressLimits;
  /** Whether hosts are not served without a client's certificate; null when none is. */
  guarded(): HostTable<boolean> | null;
}

/** A connection, as all of its requests see it. */
export interface Connection {
  readonly port: number;
  readonly clientAddress: string;
  /** Null for one that is not encrypted. */
  readonly secure: { readonly socket: TLSSocket; tls(): ListenerTls } | null;
}

/** One request, read but not yet understood. */
export interface Received {
  readonly method: string;
  readonly httpVersion: string;
  readonly head: Head;
  readonly headers: Fields;
  readonly body: RequestBody;
  readonly delivery: Delivery;
  readonly upgrade?: 'websocket' | undefined;
}

export function createExchange(host: IngressHost, from: Connection, received: Received): Exchange {
  const { method, httpVersion, head, headers, body, delivery, upgrade } = received;
  return new Exchange(
    {
      requestId: newUuid(),
      method,
      scheme: from.secure === null ? 'http' : 'https',
      host: head.host,
      port: from.port,
      path: head.path,
      rawQuery: head.rawQuery,
      hasEmptyQuery: head.hasEmptyQuery,
      headers,
      clientAddress: from.clientAddress,
      httpVersion,
      receivedAt: host.clock.now(),
      body,
      delivery,
      passes: head.passes,
      isSelfCall: false,
      upgrade,
    },
    host.current(),
  );
}

/** Why the connection may not carry requests for the host; undefined when it may. */
export function connectionRefusal(
  host: IngressHost,
  name: string,
  { secure }: Connection,
): RefusalKind | undefined {
  if (secure !== null) return clientRefusal(name, secure.socket, secure.tls());
  return host.guarded()?.find(name) === true ? 'client-certificate-required' : undefined;
}

/** A dual-stack socket shows IPv4 peers in their mapped form, which no operator writes in a list. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
