import type { App, Exchange, Inbound, Reply } from '#sdk';

/** One way in which a caller proves which app it is. A further one is a file like `alibaba.ts` and a line in `plugin.ts`. */
export interface Scheme {
  /** Whether the caller uses this scheme. The first scheme that says so decides alone: there is no second chance. */
  recognizes(exchange: Exchange): boolean;
  /** The app that signed, or why the request is refused. Says nothing about what the app may call. */
  verify(exchange: Exchange): App | Reply | Promise<App | Reply>;
  /** Lower-case names of the request fields that carry the proof. They do not reach the backend. */
  readonly fields: readonly string[];
  /** Completes the answer to a caller that uses this scheme. */
  answer?(inbound: Inbound): void;
}
