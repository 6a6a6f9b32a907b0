import type { App, Exchange, Inbound, Outbound, Reply } from '#sdk';

/** One way in which a caller proves which app it is. A further one is a file like `alibaba.ts` and a line in `plugin.ts`. */
export interface Scheme {
  /** Whether the caller uses this scheme. A request that two schemes recognize is refused: there is no second chance. */
  recognizes(exchange: Exchange): boolean;
  /** The app that signed, or why the request is refused. Says nothing about what the app may call. */
  verify(exchange: Exchange): App | Reply | Promise<App | Reply>;
  /** Lower-case names of the request fields that carry the proof and nothing else. They do not reach the backend. */
  readonly fields: readonly string[];
  /** Takes the proof out of a field that is not always a proof. */
  strip?(outbound: Outbound): void;
  /** Completes the answer to a caller that uses this scheme. */
  answer?(inbound: Inbound): void;
}

/** What every refusal of an app begins with (guide 4.3.3, APIG.0303). */
export const fault = 'Incorrect app authentication information';

/** How far the time that a caller signed may be from the gateway's clock, either way. */
export const windowMs = 15 * 60 * 1000;
