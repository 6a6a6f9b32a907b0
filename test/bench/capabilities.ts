// What there is to bind, one entry each: a line here is a line in the report. `npm run bench -- --parts capabilities`.
import { APP, HOST, PATH } from './scenarios.ts';
import { signAlibaba, signHuawei } from './signatures.ts';

type Fragment = Readonly<Record<string, unknown>>;

/** One thing that an API has beyond the plain one, and a request that it lets pass. */
export interface Capability {
  readonly name: string;
  /** Fields of the API; those of `request` and `backend` are added to the plain ones. */
  readonly api?: Fragment;
  readonly request?: Fragment;
  readonly backend?: Fragment;
  /** A plugin that is bound to the API, with its canonical options. */
  readonly plugin?: readonly [type: string, config: unknown];
  /** Fields of the group. */
  readonly group?: Fragment;
  /** Sections of the configuration; where several entries give one, their keys come together. */
  readonly root?: Readonly<Record<string, Fragment>>;
  /** Whether what it binds holds for all APIs: it is measured in a gateway of its own, which is less exact. */
  readonly isGatewayWide?: boolean;
  /** Files beside the configuration. */
  readonly files?: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly path?: string;
  /** Content of the request, which is a POST then. */
  readonly body?: string;
  /** Fields of the request, made anew for each measurement. */
  readonly headers?: (host: string) => Record<string, string>;
  /** Fields of the request that the gateway has to be asked for first. */
  readonly prepare?: (port: number) => Promise<Record<string, string>>;
}

/** What the entries refer to. */
export interface Surroundings {
  readonly backendPort: number;
  readonly directory: string;
  /** An OpenID provider, and a token of it. */
  readonly issuer: string;
  readonly token: string;
}

const apps = { caller: { ...APP, apis: ['*'] } };
const user = {
  accessKey: 'AKBENCH0000000000001',
  secretKey: 'bench-secret-key-0001',
  password: 'bench-password',
};
const accounts = { acme: { users: { alice: user } } };
const minute = { value: 1, unit: 'minute' };
const gold = (): Record<string, string> => ({ 'X-Tenant': 'gold' });
const tenant = { parameters: [{ name: 'x-tenant', in: 'header', required: true, pattern: '[a-z]+' }] };
const most = 1_000_000_000;

export function capabilities({ backendPort, directory, issuer, token }: Surroundings): Capability[] {
  const address = `http://127.0.0.1:${backendPort}`;
  const http = { type: 'http', address, path: PATH };
  return [
    {
      name: 'path with a parameter',
      request: { path: '/{service}/items' },
      backend: { path: '/{service}/items' },
    },
    {
      name: 'auth-app: Huawei signature',
      api: { auth: 'app' },
      root: { apps },
      headers: (host) => signHuawei(APP, host, PATH),
    },
    {
      name: 'auth-app: Alibaba signature',
      api: { auth: 'app' },
      root: { apps },
      headers: () => signAlibaba(APP, PATH),
    },
    {
      name: 'auth-iam: access key',
      api: { auth: 'iam' },
      root: { accounts },
      headers: (host) => signHuawei({ key: user.accessKey, secret: user.secretKey }, host, PATH),
    },
    { name: 'auth-iam: token', api: { auth: 'iam' }, root: { accounts }, prepare: fetchToken },
    {
      name: 'auth-custom: decision that is kept',
      api: { auth: { type: 'custom', authorizer: 'token' } },
      root: {
        functions: { check: { source: './authorize.js' } },
        authorizers: {
          token: {
            type: 'frontend',
            function: 'check',
            identities: [{ in: 'header', name: 'x-token' }],
            cacheSeconds: 3600,
          },
        },
      },
      files: { 'authorize.js': AUTHORIZE },
      headers: () => ({ 'X-Token': 'let-me-in' }),
    },
    {
      name: 'access-control: address',
      plugin: ['access-control', { subject: 'ip', effect: 'allow', values: ['127.0.0.0/8', '::1'] }],
    },
    { name: 'throttling: API', plugin: ['throttling', { period: minute, limits: { api: most } }] },
    {
      name: 'throttling: API and address',
      plugin: ['throttling', { period: minute, limits: { api: most, ip: most } }],
    },
    {
      name: 'throttling: default limit',
      isGatewayWide: true,
      root: { throttling: { defaultPerSecond: 1_000_000 } },
    },
    ...(
      [
        ['hmac', 'gateway-key-01', 'gateway-secret-0000001'],
        ['basic', 'gateway-key-01', 'gateway-secret-0000001'],
        ['aes', '0123456789abcdef0123456789abcdef', '0123456789abcdef'],
        ['alibaba-client', 'gateway-key-01', 'gateway-secret-0000001'],
        ['alibaba-backend', 'gateway-key-01', 'gateway-secret-0000001'],
      ] as const
    ).map(([method, key, secret]): Capability => ({
      name: `signature-key: ${method}`,
      plugin: ['signature-key', { method, key, secret }],
    })),
    { name: 'cors', api: { cors: true }, headers: () => ({ Origin: 'https://www.example.com' }) },
    {
      name: 'gateway-responses',
      group: { responses: { default: { DEFAULT_4XX: { body: '{"code":"$context.error.code"}' } } } },
    },
    { name: 'protocol', request: { protocol: 'http' } },
    { name: 'request-parameters: header', request: tenant, headers: gold },
    {
      name: 'backend-http: mapped parameters',
      request: tenant,
      backend: {
        parameters: [
          { name: 'x-customer', in: 'header', from: 'request.x-tenant' },
          { name: 'x-caller-ip', in: 'header', from: 'system.sourceIp' },
        ],
      },
      headers: gold,
    },
    {
      name: 'backend-routing: policies',
      request: tenant,
      api: {
        policies: [
          {
            name: 'gold',
            conditions: [{ source: 'parameter', parameter: 'x-tenant', type: 'equal', value: 'gold' }],
            backend: http,
          },
        ],
      },
      headers: gold,
    },
    {
      name: 'backend-routing: condition',
      plugin: [
        'backend-routing',
        {
          parameters: { tenant: 'Header:x-tenant' },
          routes: [{ name: 'gold', when: "$tenant = 'gold'", backend: http }],
        },
      ],
      headers: gold,
    },
    {
      name: 'channels: one member',
      api: { backend: { type: 'http', channel: 'pool', path: PATH } },
      root: { channels: { pool: { members: [{ address: '127.0.0.1', port: backendPort }] } } },
    },
    { name: 'metrics', isGatewayWide: true, root: { management: { port: 0 }, metrics: {} } },
    { name: 'access-log', plugin: ['access-log', { file: `${directory}/capability.log` }] },
    { name: 'apig-headers: no Server', isGatewayWide: true, root: { apigHeaders: { server: false } } },
    {
      name: 'debug-domain',
      group: { subdomain: 'debug.bench.example.com' },
      root: { debugDomain: { callsPerDay: most } },
      host: 'debug.bench.example.com',
    },
    {
      name: 'oidc: a bearer token, verified before',
      plugin: [
        'oidc',
        {
          clientId: 'bench',
          clientSecret: 'bench-client-secret',
          discovery: issuer,
          callbackPath: '/oidc/back',
        },
      ],
      headers: () => ({ Authorization: `Bearer ${token}` }),
    },
    ...guards(address),
    ...shapers(),
    ...tellers(directory, backendPort),
  ];
}

/** Those that say who calls, and what may pass. */
function guards(address: string): Capability[] {
  const json = { 'Content-Type': 'application/json' };
  return [
    {
      name: 'jwt: ES256, verified before',
      plugin: [
        'jwt',
        {
          keys: [
            {
              jwk: {
                kty: 'EC',
                crv: 'P-256',
                x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
                y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
              },
            },
          ],
          ignoreExpiration: true,
          claims: [{ claim: 'iss', name: 'x-iss' }],
        },
      ],
      headers: () => ({ Authorization: `Bearer ${TOKEN}` }),
    },
    {
      name: 'basic-auth',
      plugin: ['basic-auth', { users: [{ name: 'alice', password: 's3cret' }] }],
      headers: () => ({ Authorization: 'Basic YWxpY2U6czNjcmV0' }),
    },
    {
      name: 'remote-auth: decision that is kept',
      plugin: [
        'remote-auth',
        { address, cacheSeconds: 600, identities: [{ in: 'header', name: 'X-Token', required: true }] },
      ],
      headers: () => ({ 'X-Token': 'let-me-in' }),
    },
    {
      name: 'access-control: data set',
      plugin: ['access-control', { subject: 'ip', effect: 'allow', dataSets: ['here'] }],
      root: { dataSets: { here: { type: 'IP_WHITELIST_CIDR', items: ['127.0.0.0/8', '2001:db8::/32'] } } },
    },
    {
      name: 'parameter-access-control',
      plugin: [
        'alibaba/accessControl',
        {
          parameters: { tenant: 'Header:x-tenant' },
          rules: [{ name: 'gold', condition: "$tenant = 'gold'", ifFalse: 'DENY' }],
        },
      ],
      headers: gold,
    },
    {
      name: 'throttling: token bucket',
      plugin: ['alibaba/trafficControl', { unit: 'SECOND', apiDefault: 100_000_000 }],
    },
    {
      name: 'cors: a policy',
      plugin: ['cors', { allowOrigins: ['https://www.example.com'], allowCredentials: true }],
      headers: () => ({ Origin: 'https://www.example.com' }),
    },
    {
      name: '(a POST with content, for comparison)',
      request: { method: 'ANY' },
      body: '{"a":1}',
      headers: () => json,
    },
    {
      name: 'request-validation: a POST with content',
      request: { method: 'ANY' },
      plugin: [
        'request-validation',
        {
          content: {
            'application/json': {
              schema: { type: 'object', required: ['a'], properties: { a: { type: 'integer', minimum: 1 } } },
            },
          },
        },
      ],
      body: '{"a":1}',
      headers: () => json,
    },
  ];
}

/** Those that change requests and answers, or stand in for backends. */
function shapers(): Capability[] {
  return [
    {
      name: 'caching: an answer that is kept',
      plugin: ['caching', { lifetimes: [{ statuses: [200], seconds: 3600 }] }],
    },
    {
      name: 'transformer',
      plugin: [
        'alibaba/transformer',
        {
          putRequestParameter: [{ name: 'X-Source', value: 'gateway', location: 'header' }],
          putResponseHeader: [{ name: 'X-Served-By', value: 'gw' }],
        },
      ],
    },
    {
      name: 'error-mapping: by status',
      plugin: [
        'alibaba/errorMapping',
        {
          parameters: { status: 'StatusCode' },
          errorCondition: '$status = 500',
          mappings: [{ condition: '$status = 500', statusCode: 502, errorMessage: 'failed' }],
        },
      ],
    },
    {
      name: 'circuit-breaker',
      plugin: [
        'alibaba/circuitBreaker',
        {
          errorCondition: '$StatusCode == 503',
          errorThreshold: 100,
          windowInSeconds: 30,
          openTimeoutSeconds: 60,
        },
      ],
    },
  ];
}

/** Those that tell somebody else of a request. */
function tellers(directory: string, backendPort: number): Capability[] {
  return [
    {
      name: 'mirror: a hundredth',
      plugin: [
        'huawei/proxy_mirror',
        { protocol: 'HTTP', host: `127.0.0.1:${backendPort}`, sample_ratio: 0.01 },
      ],
    },
    { name: 'log-sink: a file', plugin: ['log-sink', { file: { path: `${directory}/sink.jsonl` } }] },
    {
      name: 'log-sink: a file, with fields and content',
      plugin: [
        'log-sink',
        {
          file: { path: `${directory}/sink-more.jsonl` },
          include: { requestHeaders: ['*'], responseHeaders: ['*'], responseBody: true },
        },
      ],
    },
    {
      name: 'tracing: a tenth',
      isGatewayWide: true,
      root: { tracing: { endpoint: `http://127.0.0.1:${backendPort}`, ratio: 0.1 } },
    },
  ];
}

/** Where the API of the entry with this index is called, unless the entry says. */
export function hostOf(index: number): string {
  return `c${index}.${HOST}`;
}

/** A whole configuration with an API in a group of its own for each entry. JSON is YAML, too. */
export function toCapabilityConfig(
  entries: ReadonlyMap<number, Capability>,
  port: number,
  backendPort: number,
): string {
  const config: Record<string, Fragment> = { throttling: { defaultPerSecond: 0 } };
  const add = (section: string, fields: Fragment): void => {
    config[section] = { ...config[section], ...fields };
  };
  const bindings: Fragment[] = [];
  for (const [index, { api, request, backend, plugin, group, root = {} }] of entries) {
    const plain = { type: 'http', address: `http://127.0.0.1:${backendPort}`, path: PATH };
    add('groups', { [`c${index}`]: { domains: [hostOf(index)], ...group } });
    add('apis', {
      [`c${index}/api`]: {
        request: { method: 'GET', path: PATH, ...request },
        auth: 'none',
        backend: { ...plain, ...backend },
        ...api,
      },
    });
    for (const [section, fields] of Object.entries(root)) add(section, fields);
    if (plugin === undefined) continue;
    add('plugins', { [`p${index}`]: { type: plugin[0], config: plugin[1] } });
    bindings.push({ plugin: `p${index}`, apis: [`c${index}/api`] });
  }
  return JSON.stringify({ listeners: [{ port }], ...config, bindings });
}

async function fetchToken(port: number): Promise<Record<string, string>> {
  const named = { name: 'alice', domain: { name: 'acme' }, password: user.password };
  const answer = await fetch(`http://127.0.0.1:${port}/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: named } } } }),
  });
  const token = answer.headers.get('x-subject-token');
  if (token === null) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return { 'X-Auth-Token': token };
}

/** RFC 7515 appendix A.3. */
const TOKEN =
  'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.' +
  'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q';

const AUTHORIZE = `exports.handler = async () => ({
  statusCode: 200,
  body: JSON.stringify({ status: 'allow', context: { user: 'alice' } }),
});
`;
