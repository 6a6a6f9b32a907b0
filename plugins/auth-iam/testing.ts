import { createHash, createHmac } from 'node:crypto';
import { type Answer, type GatewayTest, type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

export const now = 1_700_000_000_000;
const date = '20231114T221320Z';
export const accounts = {
  acme: {
    id: 'domain-acme',
    users: {
      alice: {
        id: 'user-alice',
        accessKey: 'AKALICE0000000000001',
        secretKey: 'alice-secret-that-nobody-may-see',
        password: 'alice-password-that-nobody-may-see',
      },
      carol: { password: 'carol-password' },
    },
  },
  globex: { users: { bob: { accessKey: 'AKBOB000000000000001', secretKey: 'bob-secret-key-000001' } } },
};

/** The configuration of `gatewayWith`. */
export function configWith(root: Readonly<Record<string, unknown>> = {}) {
  return {
    groups: { shop: { domains: ['test'] } },
    apis: {
      'shop/all': {
        request: { method: 'ANY', path: '/api', match: 'prefix' },
        auth: 'iam',
        backend: { type: 'http', address: 'http://backend' },
      },
    },
    accounts,
    ...root,
  };
}

/** A gateway with one API for users; `root` stands beside or instead of what it has. */
export function gatewayWith(
  root: Readonly<Record<string, unknown>> = {},
  test: Partial<GatewayTest> = {},
): Promise<TestGateway> {
  return testGateway({ plugins: [plugin], config: configWith(root), ...test });
}

export interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly body?: string;
  readonly accessKey?: string;
  readonly secret?: string;
  readonly date?: string;
  /** Signed beside X-Sdk-Date and Host. */
  readonly headers?: Readonly<Record<string, string>>;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Signs by the vendor's description alone; shares no code with the verifier. */
export function signed(call: Call = {}) {
  const { method = 'GET', path = '/api', query = '', body = '', headers = {} } = call;
  const { accessKey = 'AKALICE0000000000001', secret = 'alice-secret-that-nobody-may-see' } = call;
  const all: Record<string, string> = { host: 'test', 'x-sdk-date': call.date ?? date, ...headers };
  const names = Object.keys(all).sort();
  const lines = names.map((name) => `${name}:${all[name]}\n`).join('');
  const uri = path.endsWith('/') ? path : `${path}/`;
  const payload = all['x-sdk-content-sha256'] ?? sha256(body);
  const canonical = [method, uri, query, lines, names.join(';'), payload].join('\n');
  const text = `SDK-HMAC-SHA256\n${all['x-sdk-date']}\n${sha256(canonical)}`;
  const signature = createHmac('sha256', secret).update(text).digest('hex');
  const authorization = `SDK-HMAC-SHA256 Access=${accessKey}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return {
    method,
    url: query === '' ? path : `${path}?${query}`,
    options: { headers: { ...all, authorization }, ...(body === '' ? {} : { body }) },
  };
}

/** What a login says of who asks. */
export function login(user: Readonly<Record<string, unknown>>, scope?: unknown) {
  const identity = { methods: ['password'], password: { user } };
  return { auth: { identity, ...(scope === undefined ? {} : { scope }) } };
}

export const alice = {
  name: 'alice',
  domain: { name: 'acme' },
  password: 'alice-password-that-nobody-may-see',
};

/** Asks for a token, from this machine unless an address is given. */
export function ask(
  gateway: TestGateway,
  body: unknown,
  { url = 'http://test/v3/auth/tokens', from = '127.0.0.1' } = {},
): Promise<Answer> {
  return gateway.request('POST', url, {
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    clientAddress: from,
  });
}

/** A token; fails when none is issued. */
export async function tokenFor(
  gateway: TestGateway,
  user: Readonly<Record<string, unknown>> = alice,
): Promise<string> {
  const answer = await ask(gateway, login(user));
  const token = answer.headers.get('x-subject-token');
  if (answer.status !== 201 || token === undefined)
    throw new Error(`no token: ${answer.status} ${answer.text}`);
  return token;
}

/** `200`, or status, code and message of the refusal. */
export function outcome(answer: Answer): string {
  if (answer.status === 200) return '200';
  const { error_code: code, error_msg: message } = answer.json() as Record<string, string>;
  return `${answer.status} ${code} ${message}`;
}

/** What a request with a token meets. */
export async function withToken(gateway: TestGateway, token: string): Promise<string> {
  return outcome(await gateway.request('GET', '/api', { headers: { 'x-auth-token': token } }));
}
