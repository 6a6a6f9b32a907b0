import { type Socket as DatagramSocket, createSocket } from 'node:dgram';
import { type Socket, connect as connectPlain, isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import type { SyslogOptions } from './options.ts';
import { FinalError, type Sink } from './sink.ts';

const informational = 6;
const connectMs = 5000;

/** Sends each line as a message of RFC 5424: over UDP (RFC 5426), TCP (RFC 6587, counted octets) or TLS (RFC 5425). */
export function syslogSink(options: SyslogOptions): Sink {
  const { protocol, hostname: host, port } = new URL(options.address);
  const place = {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port === '' ? (protocol === 'tls:' ? 6514 : 514) : port),
  };
  const frame = (line: string): Buffer => Buffer.from(`${headOf(options, new Date())}${line}`);
  const name = `syslog ${protocol}//${host}:${place.port}`;
  return protocol === 'udp:'
    ? datagrams(name, place, frame)
    : stream(name, () => open(protocol === 'tls:', place, options), frame);
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Everything before the message; the process is the one that sends. */
function headOf(
  { facility = 16, appName = 'tapgate' }: Pick<SyslogOptions, 'facility' | 'appName'>,
  at: Date,
): string {
  return `<${facility * 8 + informational}>1 ${at.toISOString()} ${hostname() || '-'} ${appName} ${process.pid} request - `;
}

function datagrams(name: string, { host, port }: Place, frame: (line: string) => Buffer): Sink {
  let socket: DatagramSocket | undefined;
  const send = (line: string): Promise<void> =>
    new Promise((resolve, reject) => {
      socket ??= createSocket(isIPv6(host) ? 'udp6' : 'udp4')
        .on('error', () => undefined)
        .unref();
      socket.send(frame(line), port, host, (error) => {
        if (error === null || error === undefined) resolve();
        else reject((error as { code?: string }).code === 'EMSGSIZE' ? new FinalError(error.message) : error);
      });
    });
  return {
    name,
    async send(lines) {
      for (const line of lines) await send(line);
    },
    close() {
      socket?.close();
      socket = undefined;
      return Promise.resolve();
    },
  };
}

function stream(name: string, connect: () => Promise<Socket>, frame: (line: string) => Buffer): Sink {
  let socket: Socket | undefined;
  return {
    name,
    async send(lines) {
      if (socket?.writable !== true) socket = await connect();
      const current = socket;
      const messages = lines.flatMap((line) => {
        const message = frame(line);
        return [Buffer.from(`${message.length} `), message];
      });
      await new Promise<void>((resolve, reject) => {
        current.write(Buffer.concat(messages), (error) => {
          if (error === null || error === undefined) resolve();
          else reject(error);
        });
      });
    },
    close() {
      socket?.end();
      socket?.destroySoon();
      return Promise.resolve();
    },
  };
}

function open(isSecure: boolean, { host, port }: Place, { ca }: SyslogOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket = isSecure
      ? connectTls({ host, port, ...(ca === undefined ? {} : { ca }) })
      : connectPlain({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), connectMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // Later ones show when something is written.
    socket.on('error', () => undefined);
    // Nobody answers: what comes is not kept, and an end of the server's is seen.
    socket.resume();
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.unref();
      resolve(socket);
    });
  });
}
