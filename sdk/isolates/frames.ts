/** What travels between the gateway and a process that holds an isolate: a small JSON head, and a text that stays as it is. */
export interface Frame {
  readonly head: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** No message is larger: a call of 4 MB in base64 and what belongs to it fit many times. */
const maxFrameBytes = 64 * 1024 * 1024;
const prefixBytes = 8;

/** Length of all that follows, length of the head, the head, the text. */
export function encodeFrame(head: Readonly<Record<string, unknown>>, text = ''): Buffer {
  const json = JSON.stringify(head);
  const headBytes = Buffer.byteLength(json);
  const textBytes = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(prefixBytes + headBytes + textBytes);
  bytes.writeUInt32LE(headBytes + textBytes, 0);
  bytes.writeUInt32LE(headBytes, 4);
  bytes.write(json, prefixBytes);
  bytes.write(text, prefixBytes + headBytes);
  return bytes;
}

/** Puts frames together from the pieces in which they arrive. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #held = 0;
  readonly #receive: (frame: Frame) => void;

  constructor(receive: (frame: Frame) => void) {
    this.#receive = receive;
  }

  /** @throws Error when the other side does not keep to the protocol */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#held += piece.length;
    while (this.#held >= prefixBytes) {
      const first = this.#gather(prefixBytes);
      const length = first.readUInt32LE(0);
      const headBytes = first.readUInt32LE(4);
      if (length > maxFrameBytes || headBytes > length) throw new Error('a message of an impossible length');
      const end = prefixBytes + length;
      if (this.#held < end) return;
      const bytes = this.#gather(end);
      this.#drop(bytes, end);
      const head: unknown = JSON.parse(bytes.toString('utf8', prefixBytes, prefixBytes + headBytes));
      if (typeof head !== 'object' || head === null) throw new Error('a message without a head');
      this.#receive({
        head: head as Frame['head'],
        text: bytes.toString('utf8', prefixBytes + headBytes, end),
      });
    }
  }

  /** The first piece, made at least that long. Pieces are joined once for a frame, not once for each that arrives. */
  #gather(bytes: number): Buffer {
    let [first] = this.#pieces;
    if (first === undefined || first.length < bytes) {
      first = Buffer.concat(this.#pieces);
      this.#pieces = [first];
    }
    return first;
  }

  #drop(first: Buffer, bytes: number): void {
    this.#held -= bytes;
    if (first.length === bytes) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(bytes);
  }
}
