import type { Server } from 'node:http';
import { type AddressInfo, Server as SocketServer } from 'node:net';

/** Where a server gets its connections from. */
interface Attached {
  readonly port: number;
  /** No further ones; settles when those there are have ended. */
  close(): Promise<void>;
}

export type Attach = (
  server: Server,
  address: { readonly port: number; readonly host: string | undefined },
) => Promise<Attached>;

/** A server that listens at a port of its own. Rejects when the port cannot be had. */
export const listenItself: Attach = async (server, { port, host }) => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        // Not the HTTP server's own `close`, which would cut answers that are written but not sent.
        SocketServer.prototype.close.call(server, () => resolve());
      }),
  };
};
