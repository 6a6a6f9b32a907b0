// Runs in the isolate: URL, URLSearchParams, crypto, fetch.
const { parseUrl, hash, hmac, random, uuid, fetchStart } = host;
const { encode, decode, whole, view, asBuffer } = kept;
const parts = Symbol('parts');
const escapeParam = (text) => encodeURIComponent(text).replace(/%20/g, '+').replace(/[!'()~]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
const unescapeParam = (text) => {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
};

class URLSearchParams {
  #pairs = [];
  #changed;
  constructor(init = '', changed) {
    this.#changed = changed;
    if (typeof init === 'string') {
      for (const part of init.replace(/^\?/, '').split('&')) {
        if (part === '') continue;
        const [name, ...rest] = part.split('=');
        this.#pairs.push([unescapeParam(name), unescapeParam(rest.join('='))]);
      }
    } else if (typeof init?.[Symbol.iterator] === 'function') {
      for (const [name, value] of init) this.#pairs.push([String(name), String(value)]);
    } else for (const [name, value] of Object.entries(init ?? {})) this.#pairs.push([name, String(value)]);
  }
  #change(pairs) {
    this.#pairs = pairs;
    this.#changed?.(this.toString());
  }
  get size() {
    return this.#pairs.length;
  }
  get(name) {
    return this.#pairs.find(([each]) => each === name)?.[1] ?? null;
  }
  getAll(name) {
    return this.#pairs.filter(([each]) => each === name).map(([, value]) => value);
  }
  has(name) {
    return this.#pairs.some(([each]) => each === name);
  }
  append(name, value) {
    this.#change([...this.#pairs, [String(name), String(value)]]);
  }
  delete(name) {
    this.#change(this.#pairs.filter(([each]) => each !== name));
  }
  set(name, value) {
    const at = this.#pairs.findIndex(([each]) => each === name);
    const others = this.#pairs.filter(([each]) => each !== name);
    others.splice(at < 0 ? others.length : at, 0, [String(name), String(value)]);
    this.#change(others);
  }
  sort() {
    this.#change(this.#pairs.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))));
  }
  forEach(visit, self) {
    for (const [name, value] of this.#pairs) visit.call(self, value, name, this);
  }
  *keys() {
    for (const [name] of this.#pairs) yield name;
  }
  *values() {
    for (const [, value] of this.#pairs) yield value;
  }
  *entries() {
    for (const [name, value] of this.#pairs) yield [name, value];
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return this.#pairs.map(([name, value]) => `${escapeParam(name)}=${escapeParam(value)}`).join('&');
  }
}

class URL {
  static canParse(text, base) {
    return parseUrl(String(text), base === undefined ? undefined : String(base), '', '') !== undefined;
  }
  constructor(text, base) {
    this.#read(String(text), base === undefined ? undefined : String(base), '', '');
    this.searchParams = new URLSearchParams(this[parts].search, (query) => this.#read(this.href, undefined, 'search', query));
  }
  #read(text, base, key, value) {
    const found = parseUrl(text, base, key, value);
    if (found === undefined) throw new TypeError('Invalid URL');
    Object.defineProperty(this, parts, { value: JSON.parse(found), configurable: true });
  }
  #set(key, value) {
    this.#read(this.href, undefined, key, String(value));
    if (key === 'search' || key === 'href')
      this.searchParams = new URLSearchParams(this[parts].search, (query) => this.#read(this.href, undefined, 'search', query));
  }
  static {
    const setter = (url, key, value) => url.#set(key, value);
    for (const key of ['href', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash']) {
      Object.defineProperty(URL.prototype, key, {
        get() {
          return this[parts][key];
        },
        set(value) {
          setter(this, key, value);
        },
        enumerable: true,
      });
    }
  }
  get origin() {
    return this[parts].origin;
  }
  toString() {
    return this.href;
  }
  toJSON() {
    return this.href;
  }
}

const bytesOf = (data) => (typeof data === 'string' ? encode(data) : view(data));
class Digest {
  #work;
  #pieces = [];
  constructor(work) {
    this.#work = work;
  }
  update(data, encoding) {
    this.#pieces.push(typeof data === 'string' ? Buffer.from(data, encoding) : view(data).slice());
    return this;
  }
  digest(encoding) {
    const bytes = asBuffer(new Uint8Array(this.#work(Buffer.concat(this.#pieces).buffer)));
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }
}
const known = (name) => {
  const plain = String(name).toLowerCase().replaceAll('-', '');
  if (!['md5', 'sha1', 'sha256', 'sha384', 'sha512'].includes(plain)) throw new Error(`the digest "${name}" is not supported`);
  return plain;
};
const crypto = Object.freeze({
  randomUUID: () => uuid(),
  randomBytes: (size) => asBuffer(new Uint8Array(random(Number(size)))),
  getRandomValues(array) {
    view(array).set(new Uint8Array(random(array.byteLength)));
    return array;
  },
  createHash(name) {
    const algorithm = known(name);
    return new Digest((data) => hash(algorithm, data));
  },
  createHmac(name, key) {
    const algorithm = known(name);
    const secret = whole(bytesOf(key));
    return new Digest((data) => hmac(algorithm, secret, data));
  },
  timingSafeEqual(one, other) {
    const [a, b] = [view(one), view(other)];
    if (a.length !== b.length) throw new RangeError('Input buffers must have the same byte length');
    let difference = 0;
    for (let at = 0; at < a.length; at += 1) difference |= a[at] ^ b[at];
    return difference === 0;
  },
});

const lowered = (given) => {
  const pairs = typeof given?.[Symbol.iterator] === 'function' ? [...given] : Object.entries(given ?? {});
  return pairs.map(([name, value]) => [String(name).toLowerCase(), String(value)]);
};
class Headers {
  #map = new Map();
  constructor(init) {
    for (const [name, value] of lowered(init)) this.append(name, value);
  }
  get(name) {
    return this.#map.get(String(name).toLowerCase()) ?? null;
  }
  has(name) {
    return this.#map.has(String(name).toLowerCase());
  }
  set(name, value) {
    this.#map.set(String(name).toLowerCase(), String(value));
  }
  append(name, value) {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${value}`);
  }
  delete(name) {
    this.#map.delete(String(name).toLowerCase());
  }
  forEach(visit, self) {
    for (const [name, value] of this.#map) visit.call(self, value, name, this);
  }
  entries() {
    return this.#map.entries();
  }
  [Symbol.iterator]() {
    return this.#map.entries();
  }
}
class Response {
  #body;
  constructor(url, { status, statusText, headers }, body) {
    this.#body = new Uint8Array(body);
    Object.assign(this, { url, status, statusText, ok: status >= 200 && status < 300, headers: new Headers(headers) });
  }
  async arrayBuffer() {
    return whole(this.#body);
  }
  async text() {
    return decode(this.#body, false);
  }
  async json() {
    return JSON.parse(await this.text());
  }
}

const waiting = new Map();
let lastFetch = 0;
const fetch = (resource, { method = 'GET', headers, body } = {}) =>
  new Promise((resolve, reject) => {
    const url = String(resource?.url ?? resource);
    const text = body === undefined || body === null ? undefined : typeof body === 'string' ? body : body instanceof URLSearchParams ? body.toString() : whole(body);
    const fields = lowered(headers);
    if (body instanceof URLSearchParams && !fields.some(([name]) => name === 'content-type')) fields.push(['content-type', 'application/x-www-form-urlencoded']);
    const id = (lastFetch += 1);
    waiting.set(id, { resolve, reject, url });
    fetchStart(id, url, JSON.stringify({ method, headers: fields }), text);
  });
kept.forget = () => waiting.clear();
kept.fetched = (id, problem, head, body) => {
  const call = waiting.get(id);
  waiting.delete(id);
  if (call === undefined) return;
  if (problem !== undefined) call.reject(new TypeError(`fetch failed: ${problem}`));
  else call.resolve(new Response(call.url, JSON.parse(head), body));
};
return { URL, URLSearchParams, crypto, Headers, fetch };
