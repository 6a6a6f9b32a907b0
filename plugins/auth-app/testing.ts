import { createHash, createHmac } from 'node:crypto';
import { type GatewayTest, type TestGateway, testGateway } from '#sdk/testing';
import plugin from './plugin.ts';

export const now = 1_700_000_000_000;
export const key = 'app-key-0001';
export const secret = 'app-secret-that-nobody-may-see';

/** A gateway with one API, in RELEASE and TEST, and an app that may call it. */
export function gatewayWith(
  test: Partial<GatewayTest> & {
    auth?: unknown;
    apps?: unknown;
    domains?: readonly string[];
    request?: object;
    backend?: object;
  } = {},
): Promise<TestGateway> {
  const { auth = 'app', apps = { caller: { key, secret, apis: ['shop/all'] } }, ...others } = test;
  const { domains = ['test'], request = {}, backend = {}, plugins = [], ...rest } = others;
  return testGateway({
    plugins: [plugin, ...plugins],
    config: {
      environments: { TEST: {} },
      groups: { shop: { domains } },
      apis: {
        'shop/all': {
          request: { method: 'ANY', path: '/', match: 'prefix', ...request },
          environments: ['RELEASE', 'TEST'],
          auth,
          backend: { type: 'http', address: 'http://backend', ...backend },
        },
      },
      apps,
    },
    ...rest,
  });
}

export interface Call {
  readonly method?: string;
  readonly target?: string;
  readonly body?: string;
  readonly secret?: string;
  readonly algorithm?: 'sha1' | 'sha256';
  /** Beside or instead of key, timestamp and nonce; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Names to sign; all of x-ca-* unless given. */
  readonly names?: readonly string[];
  /** What stands for path and parameters in the string to sign; the target unless given. */
  readonly signedUrl?: string;
}

export interface SignedCall {
  readonly method: string;
  readonly target: string;
  readonly stringToSign: string;
  readonly signature: string;
  readonly options: { readonly headers: Record<string, string>; readonly body?: string };
}

let nonces = 0;

/** Signs by the vendor's description alone; shares no code with the verifier. */
export function signed(call: Call = {}): SignedCall {
  const { method = 'GET', target = '/orders', algorithm = 'sha256', body } = call;
  const given = {
    'x-ca-key': key,
    'x-ca-timestamp': String(now),
    'x-ca-nonce': `nonce-${++nonces}`,
    ...call.headers,
  };
  const headers = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const names = (call.names ?? Object.keys(headers).filter((name) => name.startsWith('x-ca-'))).toSorted();
  const lines = ['accept', 'content-md5', 'content-type', 'date'].map((name) => headers[name] ?? '');
  const listed = names.map((name) => `${name}:${headers[name] ?? ''}\n`).join('');
  const stringToSign = `${[method, ...lines].join('\n')}\n${listed}${call.signedUrl ?? target}`;
  const signature = createHmac(algorithm, call.secret ?? secret)
    .update(stringToSign)
    .digest('base64');
  headers['x-ca-signature-headers'] = names.join(',');
  headers['x-ca-signature'] = signature;
  return {
    method,
    target,
    stringToSign,
    signature,
    options: { headers, ...(body === undefined ? {} : { body }) },
  };
}

export function md5(body: string): string {
  return createHash('md5').update(body).digest('base64');
}

export function send(
  gateway: TestGateway,
  { method, target, options }: Pick<SignedCall, 'method' | 'target' | 'options'>,
) {
  return gateway.request(method, target, options);
}
