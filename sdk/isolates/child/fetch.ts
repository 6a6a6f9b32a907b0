import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { Agent, request } from 'undici';

const maxAnswerBytes = 6 * 1024 * 1024;

/** An answer, its head as JSON; or why there is none, in words that foreign code may see. */
export type Fetched = { readonly head: string; readonly body: ArrayBuffer } | { readonly problem: string };

/** Calls the servers that a configuration allows, and no others. */
export class Fetcher {
  readonly #allowed: ReadonlySet<string>;
  readonly #agent: Agent;

  /** @param allowHosts `name` (ports 80 and 443) or `name:port` */
  constructor(allowHosts: readonly string[]) {
    this.#allowed = new Set(allowHosts.flatMap(portsOf));
    this.#agent = new Agent({ connections: 16, connect: { lookup: this.#lookup, timeout: 10_000 } });
  }

  async fetch(
    address: string,
    init: string,
    body: string | Uint8Array | null,
    signal: AbortSignal,
  ): Promise<Fetched> {
    try {
      const url = URL.parse(address);
      if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
        return { problem: 'only http and https are allowed' };
      if (url.username !== '' || url.password !== '') return { problem: 'a URL must hold no credentials' };
      if (!this.#allowed.has(hostAndPort(url))) return { problem: `the host ${url.host} is not allowed` };
      const { method, headers } = JSON.parse(init) as { method: string; headers: [string, string][] };
      const flat = headers.filter(([name]) => !framing.has(name)).flat();
      // A redirect is an answer like any other: following it is another call, to a host that must be allowed as well.
      const answer = await request(url, {
        method: method.toUpperCase(),
        headers: flat,
        body,
        signal,
        dispatcher: this.#agent,
      });
      const { statusCode: status, statusText } = answer;
      const fields = Object.entries(answer.headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value ?? '']).map((each) => [name, each]),
      );
      return {
        head: JSON.stringify({ status, statusText, headers: fields }),
        body: await collect(answer.body),
      };
    } catch (error) {
      return { problem: error instanceof Error ? error.message : 'it failed' };
    }
  }

  /** The address is checked where it is used: a name that is looked up twice may lead to two places. */
  readonly #lookup: typeof lookup = ((
    name: string,
    options: object,
    answer: (error: Error | null, ...found: unknown[]) => void,
  ) => {
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error !== null) {
        answer(error);
        return;
      }
      const allowed = found.filter(({ address }) => !this.#isOwn(address, name));
      const [first] = allowed;
      if (first === undefined) answer(new Error(`${name} leads to this machine, which is not allowed`));
      else if ('all' in options && options.all === true) answer(null, allowed);
      else answer(null, first.address, first.family);
    });
  }) as typeof lookup;

  /** Names that lead to this machine or its cloud's metadata, other than `localhost`, which says so. */
  #isOwn(address: string, name: string): boolean {
    if (name === 'localhost') return false;
    return ownAddresses.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
}

const framing = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'keep-alive',
]);

const ownAddresses = new BlockList();
ownAddresses.addSubnet('0.0.0.0', 8);
ownAddresses.addSubnet('127.0.0.0', 8);
ownAddresses.addSubnet('169.254.0.0', 16);
ownAddresses.addAddress('::', 'ipv6');
ownAddresses.addAddress('::1', 'ipv6');
ownAddresses.addSubnet('fe80::', 10, 'ipv6');

function portsOf(host: string): string[] {
  const url = URL.parse(`http://${host}`);
  if (url === null) return [];
  // The parser leaves out a port 80 that is written.
  if (/:\d+$/.test(host)) return [`${url.hostname}:${url.port === '' ? '80' : url.port}`];
  return [`${url.hostname}:80`, `${url.hostname}:443`];
}

function hostAndPort({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}

async function collect(body: AsyncIterable<Buffer>): Promise<ArrayBuffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`);
    pieces.push(piece);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all.buffer;
}
