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
  /** Sections of the configuration. */
  readonly root?: Fragment;
  /** Files beside the configuration. */
  readonly files?: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly path?: string;
  /** Fields of the request, made anew for each measurement. */
  readonly headers?: () => Record<string, string>;
  /** Fields of the request that the gateway has to be asked for first. */
  readonly prepare?: (port: number) => Promise<Record<string, string>>;
}

/** What the entries refer to. */
export interface Surroundings {
  readonly backendPort: number;
  readonly directory: string;
}

const apps = { caller: { ...APP, apis: ['bench/service-0'] } };
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

export function capabilities({ backendPort, directory }: Surroundings): Capability[] {
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
      headers: () => signHuawei(APP, HOST, PATH),
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
      headers: () => signHuawei({ key: user.accessKey, secret: user.secretKey }, HOST, PATH),
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
    { name: 'throttling: default limit', root: { throttling: { defaultPerSecond: 1_000_000 } } },
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
    { name: 'metrics', root: { management: { port: 0 }, metrics: {} } },
    { name: 'access-log', plugin: ['access-log', { file: `${directory}/capability.log` }] },
    { name: 'apig-headers: no Server', root: { apigHeaders: { server: false } } },
    {
      name: 'debug-domain',
      group: { subdomain: 'debug.bench.example.com' },
      root: { debugDomain: { callsPerDay: most } },
      host: 'debug.bench.example.com',
    },
  ];
}

/** A whole configuration. JSON is YAML, too. */
export function toCapabilityConfig(capability: Capability, port: number, backendPort: number): string {
  const { api, request, backend, plugin, group, root } = capability;
  const plain = { type: 'http', address: `http://127.0.0.1:${backendPort}`, path: PATH };
  const bound = plugin && {
    plugins: { measured: { type: plugin[0], config: plugin[1] } },
    bindings: [{ plugin: 'measured', apis: ['bench/service-0'] }],
  };
  return JSON.stringify({
    listeners: [{ port }],
    throttling: { defaultPerSecond: 0 },
    groups: { bench: { domains: [HOST], ...group } },
    apis: {
      'bench/service-0': {
        request: { method: 'GET', path: PATH, ...request },
        auth: 'none',
        backend: { ...plain, ...backend },
        ...api,
      },
    },
    ...bound,
    ...root,
  });
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

const AUTHORIZE = `exports.handler = async () => ({
  statusCode: 200,
  body: JSON.stringify({ status: 'allow', context: { user: 'alice' } }),
});
`;
