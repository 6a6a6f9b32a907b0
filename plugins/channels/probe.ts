import { type ClientRequest, type RequestOptions, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { type Socket, connect, isIP } from 'node:net';
import type { CheckSettings } from './check-settings.ts';

/** What a health check goes to. */
export interface ProbeTarget {
  /** Name or address as configured. */
  readonly member: string;
  readonly address: string;
  readonly port: number;
}

/** Checks a server once; answers why it is not well, or undefined when it is. Never rejects. */
export type Probe = (
  target: ProbeTarget,
  settings: CheckSettings,
  signal: AbortSignal,
) => Promise<string | undefined>;

/** Checks over the network. */
export const probe: Probe = (target, settings, signal) =>
  new Promise((resolve) => {
    let attempt: Socket | ClientRequest | undefined;
    const timer = setTimeout(() => end(`no answer in ${settings.timeoutMs} ms`), settings.timeoutMs);
    timer.unref();
    const end = (reason: string | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      attempt?.destroy();
      resolve(reason);
    };
    const stop = (): void => end('the check was stopped');
    signal.addEventListener('abort', stop);
    try {
      attempt =
        settings.protocol === 'tcp' ? connecting(target, settings, end) : asking(target, settings, end);
      attempt.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
    } catch (error) {
      end(error instanceof Error ? error.message : 'it could not be checked');
    }
  });

type End = (reason: string | undefined) => void;

function connecting({ address, port }: ProbeTarget, settings: CheckSettings, end: End): Socket {
  const socket = connect({ host: address, port: settings.port ?? port }, () => end(undefined));
  socket.unref();
  return socket;
}

function asking(target: ProbeTarget, settings: CheckSettings, end: End): ClientRequest {
  const { member, address } = target;
  const port = settings.port ?? target.port;
  const options: RequestOptions = {
    host: address,
    port,
    path: settings.path,
    method: settings.method,
    // A connection of its own each time: one that is kept would not notice that no new one can be had.
    agent: false,
    headers: { Host: authority(member, port), 'User-Agent': 'tapgate-health-check', Connection: 'close' },
  };
  const send = settings.protocol === 'https' ? requestTls : request;
  // Whether it is well is all a check learns, and it tells nothing: requests verify whom they are sent to.
  const tls = {
    rejectUnauthorized: false,
    ...(isIP(member) === 0 ? { servername: member.replace(/\.$/, '') } : {}),
  };
  const asked = send({ ...options, ...tls }, (response) => {
    const { statusCode = 0 } = response;
    end(settings.isGood(statusCode) ? undefined : `the status ${statusCode}`);
  });
  asked.on('socket', (socket) => socket.unref());
  asked.end();
  return asked;
}

/** `host:port` as it stands in URLs. */
export function authority(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
