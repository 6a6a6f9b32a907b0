import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';

/* A broker for tests that speaks just enough of the Kafka protocol (https://kafka.apache.org/protocol) to be produced to. */

const apis = { produce: 0, metadata: 3, saslHandshake: 17, apiVersions: 18, saslAuthenticate: 36 } as const;

/** What a test asks of it. */
export interface BrokerOptions {
  /** Wanted in SASL/PLAIN: user name and password. */
  readonly sasl?: readonly [string, string];
  /** Error codes for the next requests to produce; 0 after that. */
  readonly errors?: number[];
}

interface Produced {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string;
}

export async function broker({ sasl, errors = [] }: BrokerOptions = {}) {
  const produced: Produced[] = [];
  const sockets = new Set<Socket>();
  let requests = 0;
  let port = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    const session = { isIn: sasl === undefined };
    const answer = (message: Buffer): Buffer | undefined => {
      const reader = new Reader(message);
      const [api, version, id] = [reader.int16(), reader.int16(), reader.int32()];
      reader.text();
      const body = bodyOf(api, version, reader);
      return body && Buffer.concat([int32(body.length + 4), int32(id), body]);
    };
    const bodyOf = (api: number, version: number, reader: Reader): Buffer | undefined => {
      if (api === apis.apiVersions) return versions(version);
      if (api === apis.saslHandshake) return Buffer.concat([int16(0), int32(1), text('PLAIN')]);
      if (api === apis.saslAuthenticate) {
        const [, user, password] = reader.compact().split('\0');
        session.isIn = user === sasl?.[0] && password === sasl?.[1];
        return authenticated(session.isIn);
      }
      // Who has not signed in is hung up on.
      if (!session.isIn) {
        socket.destroy();
        return undefined;
      }
      if (api === apis.metadata) return metadata(reader, port);
      if (api !== apis.produce) throw new Error(`an API that was not offered: ${api}`);
      requests += 1;
      const error = errors.shift() ?? 0;
      return produce(reader, error, error === 0 ? produced : []);
    };
    let waiting = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const length = waiting.readInt32BE(0);
        const reply = answer(waiting.subarray(4, 4 + length));
        waiting = waiting.subarray(4 + length);
        if (reply !== undefined) socket.write(reply);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  return {
    port,
    produced,
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** SaslAuthenticate v2, with the tags of a header of version 1 before it. */
function authenticated(isIn: boolean): Buffer {
  const message = isIn ? Buffer.from([0]) : Buffer.concat([Buffer.from([3]), Buffer.from('no')]);
  return Buffer.concat([
    Buffer.from([0]),
    int16(isIn ? 0 : 58),
    message,
    Buffer.from([1]),
    int64(0n),
    Buffer.from([0]),
  ]);
}

/** ApiVersions v3; beside it only versions without compact types are offered. */
function versions(version: number): Buffer {
  // As brokers do with versions that they do not know: in the form of v0.
  if (version !== 3) return Buffer.concat([int16(35), int32(0)]);
  const offered = [
    [apis.produce, 3],
    [apis.metadata, 1],
    [apis.saslHandshake, 1],
    [apis.apiVersions, 3],
    [apis.saslAuthenticate, 2],
  ] as const;
  const entries = offered.map(([api, only]) =>
    Buffer.concat([int16(api), int16(only), int16(only), Buffer.from([0])]),
  );
  return Buffer.concat([int16(0), Buffer.from([offered.length + 1]), ...entries, int32(0), Buffer.from([0])]);
}

/** Metadata v1: this broker alone, and each topic with one partition. */
function metadata(reader: Reader, port: number): Buffer {
  const topics = reader.list(() => reader.text() ?? '');
  const partition = Buffer.concat([int16(0), int32(0), int32(1), int32(1), int32(1), int32(1), int32(1)]);
  return Buffer.concat([
    int32(1),
    // Its number, address and rack.
    int32(1),
    text('127.0.0.1'),
    int32(port),
    int16(-1),
    int32(1),
    int32(topics.length),
    ...topics.flatMap((topic) => [int16(0), text(topic), Buffer.from([0]), int32(1), partition]),
  ]);
}

/** Produce v3: a topic's partitions with a batch of records each. */
function produce(reader: Reader, error: number, produced: Produced[]): Buffer {
  reader.text();
  reader.int16();
  reader.int32();
  const topics = reader.list(() => {
    const topic = reader.text() ?? '';
    const partitions = reader.list(() => {
      const partition = reader.int32();
      produced.push(...records(reader.bytes()).map((each) => ({ topic, ...each })));
      return partition;
    });
    return { topic, partitions };
  });
  const answered = topics.map(({ topic, partitions }) =>
    Buffer.concat([
      text(topic),
      int32(partitions.length),
      ...partitions.map((partition) =>
        Buffer.concat([int32(partition), int16(error), int64(0n), int64(-1n)]),
      ),
    ]),
  );
  return Buffer.concat([int32(answered.length), ...answered, int32(0)]);
}

/** A record batch, magic 2, without compression. */
function records(batch: Buffer): Omit<Produced, 'topic'>[] {
  const reader = new Reader(batch.subarray(57));
  return reader.list(() => {
    reader.varint();
    reader.take(1);
    reader.varint();
    reader.varint();
    const key = reader.varbytes();
    const value = reader.varbytes();
    for (let headers = reader.varint(); headers > 0; headers -= 1) {
      reader.varbytes();
      reader.varbytes();
    }
    return { key: key?.toString('utf8') ?? null, value: value?.toString('utf8') ?? '' };
  });
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  int16(): number {
    return this.take(2).readInt16BE(0);
  }

  int32(): number {
    return this.take(4).readInt32BE(0);
  }

  text(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.take(length).toString('utf8');
  }

  bytes(): Buffer {
    return this.take(Math.max(0, this.int32()));
  }

  /** Compact bytes behind the tags of a header of version 2. */
  compact(): string {
    this.take(1);
    return this.take((this.take(1)[0] ?? 1) - 1).toString('utf8');
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }

  /** Zigzag. */
  varint(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.take(1)[0] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number((value >> 1n) ^ -(value & 1n));
    }
  }

  varbytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.take(length);
  }
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}
