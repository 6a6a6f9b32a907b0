import assert from 'node:assert/strict';
import { type KeyObject, createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Values } from '#sdk';
import { type Answer, type BackendRequest, type TestGateway, VirtualClock, testGateway } from '#sdk/testing';
import type { Fetch } from './fetch.ts';
import { oidc } from './plugin.ts';

export const issuer = 'https://id.test';
export const clientId = 'shop';
const clientSecret = 'a secret: of %& the shop';

export interface Key {
  readonly privateKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly pem: string;
}

export function makeKey(kid: string): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' },
    pem: publicKey.export({ format: 'pem', type: 'spki' }),
  };
}

interface Code {
  readonly client: string;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

type Claims = Readonly<Record<string, unknown>>;

/** An identity provider in memory. A test turns its screws. */
export class FakeProvider {
  readonly clock: VirtualClock;
  key: Key = makeKey('first');
  /** Of the discovery document, instead of its own. */
  metadata: Record<string, unknown> = {};
  /** Instead of the usual claims of id tokens. */
  claims: Record<string, unknown> = {};
  /** Makes id tokens another way. */
  idToken: ((claims: Claims) => string | Promise<string>) | undefined;
  expiresIn: number | undefined = 300;
  hasRefreshTokens = true;
  /** Answers a refresh instead. */
  onRefresh: (() => Response | Promise<Response>) | undefined;
  isDown = false;
  hasUserInfo = true;
  /** `METHOD path` of each request. */
  readonly asked: string[] = [];
  readonly revoked: string[] = [];
  readonly #codes = new Map<string, Code>();
  #refreshToken: string | undefined;
  #count = 0;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  readonly fetch: Fetch = async (url, { method, headers, body }) => {
    const { pathname, origin } = new URL(url);
    this.asked.push(`${method} ${pathname}`);
    if (this.isDown) throw new TypeError('fetch failed');
    assert.equal(origin, issuer, 'only the provider is called');
    const form = new URLSearchParams(await new Response(body ?? null).text());
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return json({ ...this.#document(), ...this.metadata });
      case '/jwks':
        return json({ keys: [this.key.jwk] });
      case '/token':
        this.#checkClient(new Headers(headers).get('authorization'));
        return this.#token(form);
      case '/userinfo':
        return this.hasUserInfo
          ? json({ sub: 'alice', phone: '123', email: 'other@test' })
          : new Response(null, { status: 503 });
      case '/revoke':
        this.revoked.push(form.get('token') ?? '');
        return new Response(null, { status: 200 });
      default:
        return new Response('none', { status: 404 });
    }
  };

  /** Alice signs in: the query that her browser comes back with. */
  signIn(location: string, client = clientId): string {
    const { searchParams: query, origin, pathname } = new URL(location);
    assert.equal(origin + pathname, `${issuer}/authorize`);
    assert.deepEqual(
      [query.get('response_type'), query.get('client_id'), query.get('code_challenge_method')],
      ['code', clientId, 'S256'],
    );
    const code = randomUUID();
    this.#codes.set(code, {
      client,
      nonce: query.get('nonce') ?? '',
      challenge: query.get('code_challenge') ?? '',
      redirectUri: query.get('redirect_uri') ?? '',
    });
    return `?code=${code}&state=${query.get('state')}&iss=${encodeURIComponent(issuer)}`;
  }

  /** A token as it signs them. */
  sign(claims: Claims, header: { readonly typ?: string; readonly alg?: string } = {}): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: String(this.key.jwk['kid']), ...header })
      .sign(this.key.privateKey);
  }

  /** What tokens say by default. */
  get usual(): Record<string, unknown> {
    const now = Math.floor(this.clock.now() / 1000);
    const times = { iat: now, exp: now + 3600 };
    return { iss: issuer, sub: 'alice', aud: clientId, ...times, email: 'alice@test' };
  }

  get refreshes(): number {
    return this.asked.filter((each) => each === 'POST /token').length;
  }

  #document(): Record<string, unknown> {
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      userinfo_endpoint: `${issuer}/userinfo`,
      end_session_endpoint: `${issuer}/end`,
      revocation_endpoint: `${issuer}/revoke`,
      id_token_signing_alg_values_supported: ['ES256', 'HS256', 'none'],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #checkClient(authorization: string | null): void {
    const [id = '', secret = ''] = Buffer.from((authorization ?? '').replace('Basic ', ''), 'base64')
      .toString()
      .split(':')
      .map((each) => new URLSearchParams(`x=${each}`).get('x') ?? '');
    assert.deepEqual([id, secret], [clientId, clientSecret], 'client_secret_basic');
  }

  async #token(form: URLSearchParams): Promise<Response> {
    if (form.get('grant_type') === 'refresh_token') return this.#refresh(form);
    const code = this.#codes.get(form.get('code') ?? '');
    this.#codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      code?.client === clientId &&
      code.challenge === challenge &&
      code.redirectUri === form.get('redirect_uri');
    return isRight ? this.#grant({ nonce: code.nonce }) : json({ error: 'invalid_grant' }, 400);
  }

  /** A refresh token is good once, as where they rotate. */
  async #refresh(form: URLSearchParams): Promise<Response> {
    if (this.onRefresh !== undefined) return this.onRefresh();
    if (this.#refreshToken === undefined || form.get('refresh_token') !== this.#refreshToken)
      return json({ error: 'invalid_grant' }, 400);
    return this.#grant({});
  }

  async #grant(more: Claims): Promise<Response> {
    this.#count += 1;
    const accessToken = `access-${this.#count}`;
    this.#refreshToken = this.hasRefreshTokens ? `refresh-${this.#count}` : undefined;
    const hash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
    const claims = { ...this.usual, at_hash: hash, ...more, ...this.claims };
    return json({
      access_token: accessToken,
      token_type: 'Bearer',
      id_token: await (this.idToken?.(claims) ?? this.sign(claims)),
      expires_in: this.expiresIn,
      refresh_token: this.#refreshToken,
    });
  }
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, { status });
}

export interface Setting {
  readonly provider: FakeProvider;
  readonly gateway: TestGateway;
  readonly clock: VirtualClock;
  /** What the backend got, in order. */
  readonly served: readonly BackendRequest[];
  /** Browsers share nothing. */
  readonly browser: (options?: BrowserOptions) => Browser;
}

const config = {
  clientId,
  clientSecret,
  discovery: `${issuer}/.well-known/openid-configuration`,
  callbackPath: '/oidc/back',
  logoutPath: '/oidc/out',
};

/** One API that takes everything of `https://shop.test`, and the provider behind it. */
export async function setting(
  t: { after(work: () => Promise<void>): void },
  {
    type = 'oidc',
    root = {},
    values,
    ...options
  }: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly type?: string;
    readonly root?: Readonly<Record<string, unknown>>;
    readonly values?: Values;
    readonly clock?: VirtualClock;
  } = {},
): Promise<Setting> {
  const { clock = new VirtualClock(Date.now()) } = options;
  const provider = new FakeProvider(clock);
  const gateway = await testGateway({
    clock,
    plugins: [oidc(() => ({ fetch: provider.fetch, close: () => undefined }))],
    ...(values !== undefined && { values }),
    config: {
      groups: { shop: { domains: ['shop.test'] } },
      apis: { 'shop/all': passing('/', 'prefix') },
      plugins: {
        people: { type, config: type === 'oidc' ? { ...config, ...options.config } : options.config },
      },
      bindings: [{ plugin: 'people', apis: ['shop/all'] }],
      throttling: { defaultPerSecond: 0 },
      ...root,
    },
  });
  t.after(() => gateway.close());
  const served = gateway.backendRequests;
  return { provider, gateway, clock, served, browser: (more) => new Browser(gateway, provider, more) };
}

/** An API whose backend tells what it got. */
export function passing(
  path: string,
  match: 'exact' | 'prefix' = 'exact',
): Readonly<Record<string, unknown>> {
  return {
    request: { method: 'ANY', path, match },
    auth: 'none',
    backend: { type: 'http', address: 'http://backend' },
  };
}

interface BrowserOptions {
  readonly origin?: string;
}

/** Keeps cookies, as little else of a browser is needed. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly origin: string;
  readonly #gateway: TestGateway;
  readonly #provider: FakeProvider;

  constructor(
    gateway: TestGateway,
    provider: FakeProvider,
    { origin = 'https://shop.test' }: BrowserOptions = {},
  ) {
    this.#gateway = gateway;
    this.#provider = provider;
    this.origin = origin;
  }

  /** The cookie of the session, if there is one. */
  get session(): readonly [name: string, value: string] | undefined {
    return [...this.cookies].find(([name]) => /oidc-[0-9a-f]{12}$/.test(name));
  }

  /** Opens a page; redirects are not followed. */
  open(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.fetch('GET', path, { accept: 'text/html,*/*', 'sec-fetch-mode': 'navigate', ...headers });
  }

  async fetch(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#gateway.request(method, this.origin + path, {
      headers: { ...(cookie !== '' && { cookie }), ...headers },
    });
    for (const line of answer.headers.getAll('set-cookie')) this.#keep(line);
    return answer;
  }

  /** Opens a page and signs in at the provider: what the gateway then says to the browser that comes back. */
  async signIn(path = '/'): Promise<Answer> {
    const sent = await this.open(path);
    assert.equal(sent.status, 302, sent.text);
    return this.open(`/oidc/back${this.#provider.signIn(locationOf(sent))}`, {
      'sec-fetch-site': 'cross-site',
    });
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const [name = '', value = ''] = pair.split('=', 2);
    assert.ok(attributes.includes('HttpOnly') && attributes.includes('Path=/'), line);
    assert.ok(attributes.includes('SameSite=Lax'), line);
    assert.equal(attributes.includes('Secure'), this.origin.startsWith('https:'), line);
    assert.equal(name.startsWith('__Host-'), this.origin.startsWith('https:'), line);
    if (attributes.includes('Max-Age=0')) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

export const locationOf = (answer: Answer): string => answer.headers.get('location') ?? '';

/** `200`, or the status and the code of a refusal. */
export function outcome(answer: Answer): string {
  const { error_code: code = '' } = answer.status < 400 ? {} : (answer.json() as { error_code?: string });
  return `${answer.status} ${code}`.trim();
}
