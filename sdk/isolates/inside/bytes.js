// Runs in the isolate, before any foreign code: text encoders, base64 and a small Buffer. `host` and `kept` come from the caller.
const { utf8Encode, utf8Decode } = host;
const view = (data) => {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError('bytes must be an ArrayBuffer or a view of one');
};
// A view may stand on a large or growing buffer; only its own bytes leave.
const whole = (data) => view(data).slice().buffer;
const encode = (text) => new Uint8Array(utf8Encode(String(text)));
const decode = (data, isFatal) => {
  const text = utf8Decode(whole(data), isFatal === true);
  if (text === undefined) throw new TypeError('The encoded data was not valid for encoding utf-8');
  return text;
};
const latin1 = (data) => {
  let text = '';
  for (let at = 0; at < data.length; at += 4096) text += String.fromCharCode(...data.subarray(at, at + 4096));
  return text;
};
const fromLatin1 = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0) & 255);
const loose = (text) => text.replace(/[^A-Za-z0-9+/_-]/g, '').replaceAll('-', '+').replaceAll('_', '/');
const fromBase64 = (text) => {
  const plain = loose(text);
  // One character left over stands for no byte.
  return Uint8Array.fromBase64(plain.length % 4 === 1 ? plain.slice(0, -1) : plain);
};
const fromHex = (text) => {
  const [plain] = /^(?:[0-9a-fA-F]{2})*/.exec(text);
  return Uint8Array.fromHex(plain);
};

class TextEncoder {
  get encoding() {
    return 'utf-8';
  }
  encode(text = '') {
    return encode(text);
  }
}
class TextDecoder {
  #isFatal;
  #keepsMark;
  constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
    if (!/^utf-?8$/i.test(label.trim())) throw new RangeError(`the encoding "${label}" is not supported`);
    this.#isFatal = fatal;
    this.#keepsMark = ignoreBOM;
  }
  get encoding() {
    return 'utf-8';
  }
  decode(data = new Uint8Array()) {
    const text = decode(data, this.#isFatal);
    return !this.#keepsMark && text.startsWith('\ufeff') ? text.slice(1) : text;
  }
}

const decoders = {
  utf8: (text) => encode(text),
  base64: fromBase64,
  hex: fromHex,
  latin1: fromLatin1,
};
const encoders = {
  utf8: (data) => decode(data, false),
  base64: (data) => data.toBase64(),
  base64url: (data) => data.toBase64({ alphabet: 'base64url', omitPadding: true }),
  hex: (data) => data.toHex(),
  latin1,
};
decoders['utf-8'] = decoders.utf8;
decoders.base64url = decoders.base64;
decoders.binary = decoders.ascii = decoders.latin1;
encoders['utf-8'] = encoders.utf8;
encoders.binary = encoders.latin1;
encoders.ascii = (data) => latin1(data.map((byte) => byte & 127));
const pick = (table, encoding) => {
  const name = String(encoding ?? 'utf8').toLowerCase();
  if (!Object.hasOwn(table, name)) throw new TypeError(`Unknown encoding: ${encoding}`);
  return table[name];
};
const asBuffer = (bytes) => Object.setPrototypeOf(bytes, Buffer.prototype);

class Buffer extends Uint8Array {
  static from(value, encodingOrOffset, length) {
    if (typeof value === 'string') return asBuffer(pick(decoders, encodingOrOffset)(value));
    if (value instanceof ArrayBuffer) return asBuffer(new Uint8Array(value, encodingOrOffset, length));
    if (ArrayBuffer.isView(value)) return asBuffer(view(value).slice());
    if (value?.type === 'Buffer' && Array.isArray(value.data)) return asBuffer(Uint8Array.from(value.data));
    if (Array.isArray(value)) return asBuffer(Uint8Array.from(value));
    throw new TypeError('Buffer.from takes a text, an array of bytes, an ArrayBuffer or a Buffer');
  }
  static alloc(size, fill = 0, encoding = 'utf8') {
    return asBuffer(new Uint8Array(size)).fill(fill, undefined, undefined, encoding);
  }
  static allocUnsafe(size) {
    return asBuffer(new Uint8Array(size));
  }
  static concat(list, total = list.reduce((sum, each) => sum + each.length, 0)) {
    const all = asBuffer(new Uint8Array(total));
    let at = 0;
    for (const each of list) {
      all.set(each.subarray(0, Math.max(0, total - at)), at);
      at += Math.min(each.length, Math.max(0, total - at));
    }
    return all;
  }
  static byteLength(value, encoding) {
    return typeof value === 'string' ? pick(decoders, encoding)(value).length : view(value).length;
  }
  static isBuffer(value) {
    return value instanceof Buffer;
  }
  static isEncoding(name) {
    return Object.hasOwn(encoders, String(name).toLowerCase());
  }
  static compare(one, other) {
    const least = Math.min(one.length, other.length);
    for (let at = 0; at < least; at += 1) if (one[at] !== other[at]) return one[at] < other[at] ? -1 : 1;
    return Math.sign(one.length - other.length);
  }
  toString(encoding, start = 0, end = this.length) {
    return pick(encoders, encoding)(view(this).subarray(start, end));
  }
  toJSON() {
    return { type: 'Buffer', data: Array.from(this) };
  }
  equals(other) {
    return Buffer.compare(this, other) === 0;
  }
  compare(other) {
    return Buffer.compare(this, other);
  }
  slice(start, end) {
    return this.subarray(start, end);
  }
  subarray(start, end) {
    return asBuffer(view(this).subarray(start, end));
  }
  fill(value, start, end, encoding) {
    if (typeof value !== 'string') return super.fill(value, start, end);
    const bytes = pick(decoders, encoding)(value);
    if (bytes.length === 0) return super.fill(0, start, end);
    const last = end ?? this.length;
    for (let at = start ?? 0; at < last; at += 1) this[at] = bytes[(at - (start ?? 0)) % bytes.length];
    return this;
  }
  write(text, offset = 0, encoding = 'utf8') {
    const bytes = pick(decoders, encoding)(text).subarray(0, this.length - offset);
    this.set(bytes, offset);
    return bytes.length;
  }
  copy(target, at = 0, start = 0, end = this.length) {
    const part = view(this).subarray(start, Math.min(end, start + target.length - at));
    target.set(part, at);
    return part.length;
  }
}

const atob = (text) => {
  const plain = String(text).replace(/[\t\n\f\r ]/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) throw new TypeError('The string to be decoded is not correctly encoded.');
  return latin1(fromBase64(plain));
};
const btoa = (text) => {
  if (/[^\0-\xff]/.test(String(text))) throw new TypeError('The string contains a character outside of Latin-1.');
  return fromLatin1(String(text)).toBase64();
};
Object.assign(kept, { encode, decode, whole, view, asBuffer });
return { TextEncoder, TextDecoder, Buffer, atob, btoa };
