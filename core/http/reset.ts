import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

interface Wrapped {
  readonly _handle?: { readonly _parent?: { reset?(done: () => void): number } | null } | null;
}

/** Ends a connection so that the peer cannot take it for the end of what was sent. */
export function resetSocket(socket: Socket): void {
  if (!(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
    return;
  }
  // Node has no public way, and `destroy` looks like an orderly end to the peer. Where the handle beneath is not
  // what it is today, that is what is left.
  (socket as unknown as Wrapped)._handle?._parent?.reset?.(() => undefined);
  socket.destroy();
}
