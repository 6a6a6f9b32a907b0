import type { Duplex } from 'node:stream';
import { type Fields, Reply } from '#sdk';
import type { Done } from './exchange.ts';

/** The connection of a backend that agreed to speak another protocol than HTTP. */
export interface Tunnel {
  /** Passes bytes on both ways until both sides have ended. */
  join(caller: Duplex): void;
  /** Tells how it ended: bytes to the caller, the outcome, bytes from the caller. */
  onEnd(listener: Done): void;
  /** Ends it, joined or not. */
  destroy(): void;
}

/** The answer 101. Only a backend's connection makes one: a plugin's Reply with that status cannot be sent. */
export class Switched extends Reply {
  readonly tunnel: Tunnel;

  constructor(headers: Fields, tunnel: Tunnel) {
    super(101, headers, null);
    this.tunnel = tunnel;
  }
}
