import { once } from 'node:events';
import { type TLSSocket, connect } from 'node:tls';
import { until, within } from './within.ts';

/** A frame as it was on the wire (RFC 9113 section 4.1). */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const types = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};
export const endStream = 1;
export const endHeaders = 4;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A block of fields, none of them shortened: what no ordinary client would write can be written (RFC 7541 section 6.2.2). */
export function fields(pairs: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}

/** The head of an ordinary request; what is given replaces or adds. */
export function head(changes: readonly (readonly [name: string, value: string])[] = []) {
  const usual = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':path', '/'],
    [':authority', 'a'],
  ] as const;
  const names = new Set(changes.map(([name]) => name));
  return fields([
    ...usual.filter(([name]) => !names.has(name)),
    ...changes.filter(([name]) => name.startsWith(':')),
    ...changes.filter(([name]) => !name.startsWith(':')),
  ]);
}

/** An HTTP/2 connection that sends whatever frames it is told to. */
export class RawHttp2 implements AsyncDisposable {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  #rest = Buffer.alloc(0);

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => this.#read(data));
  }

  /** @param settings pairs of an identifier and a value */
  static async open(port: number, settings: readonly (readonly [number, number])[] = []): Promise<RawHttp2> {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await within(once(socket, 'secureConnect'), 'a TLS connection');
    const pairs = settings.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]));
    const client = new RawHttp2(socket);
    client.send(
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      frame(types.settings, 0, 0, Buffer.concat(pairs)),
      frame(types.settings, 1, 0),
    );
    return client;
  }

  /** Sends frames in one write. */
  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((each) => each.type === type && (stream ?? each.stream) === each.stream);
  }

  /** Waits for a frame. */
  async receive(type: number, stream?: number): Promise<void> {
    await until(() => this.of(type, stream).length > 0 || this.socket.destroyed, `frame ${type}`);
  }

  closed(ms?: number): Promise<void> {
    return until(() => this.socket.destroyed, 'the connection is closed', ms);
  }

  #read(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    while (this.#rest.length >= 9) {
      const end = 9 + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      this.frames.push({
        type: this.#rest.readUInt8(3),
        flags: this.#rest.readUInt8(4),
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(9, end),
      });
      this.#rest = this.#rest.subarray(end);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.destroyed) return;
    const closed = once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }
}
