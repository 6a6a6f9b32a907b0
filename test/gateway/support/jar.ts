import { request } from 'node:http';

interface Answer {
  readonly status: number;
  /** Absolute; the address itself where the answer names none. */
  readonly location: string;
  readonly text: string;
}

interface Ask {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client with cookies, each host's its own; every request on a connection of its own. */
export class Jar {
  readonly #cookies = new Map<string, Map<string, string>>();

  ask(address: string, { method = 'GET', body = '', headers = {} }: Ask = {}): Promise<Answer> {
    const url = new URL(address);
    const own = this.#cookies.get(url.host) ?? new Map<string, string>();
    this.#cookies.set(url.host, own);
    const cookie = Array.from(own, ([name, value]) => `${name}=${value}`).join('; ');
    const form = body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded' };
    const all = { accept: 'text/html', ...form, ...(cookie !== '' && { cookie }), ...headers };
    return new Promise((resolve, reject) => {
      const asked = request(url, { method, headers: all, agent: false }, (response) => {
        for (const line of response.headers['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? [];
          if (/expires=Thu, 01 Jan 1970|Max-Age=0/i.test(line)) own.delete(name);
          else own.set(name, value);
        }
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        response.on('end', () => {
          const location = new URL(response.headers.location ?? '', address).href;
          resolve({ status: response.statusCode ?? 0, location, text });
        });
        response.on('error', reject);
      });
      asked.on('error', reject).end(body);
    });
  }

  /** Follows redirects until there is none. */
  async follow(address: string): Promise<Answer & { readonly address: string }> {
    let at = address;
    for (let step = 0; step < 10; step += 1) {
      const answer = await this.ask(at);
      if (answer.status < 300 || answer.status > 399) return { ...answer, address: at };
      at = answer.location;
    }
    throw new Error('too many redirects');
  }
}
