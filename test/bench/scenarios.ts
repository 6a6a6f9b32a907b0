import type { Load } from './load.ts';
import { BACKEND_BODY } from './targets.ts';
import { signAlibaba, signHuawei } from './signatures.ts';

export const SCENARIOS = [
  'plain',
  'cached',
  'signed',
  'full',
  'content',
  'self-call',
  'apis-10',
  'apis-10000',
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

export interface Scenario {
  readonly title: string;
  /** The gateway's configuration. */
  readonly config: (port: number, backendPort: number, directory: string) => string;
  /** Built anew for each measurement: a signature is good for fifteen minutes only. */
  readonly load: () => Load;
}

export const HOST = 'bench.example.com';
export const APP = { key: 'BENCHKEY', secret: 'BENCHSECRET' };
export const PATH = '/service-00000/items';
const PATHS = '/service-%05d/items';

export const scenarios: Record<ScenarioName, Scenario> = {
  plain: {
    title: 'plain API',
    config: (port, backendPort) => toConfig(port, apis(1, 'none', backendPort)),
    load: () => ({ host: HOST, headers: {}, path: PATH, count: 1 }),
  },
  cached: {
    title: 'answers from the cache',
    config: (port, backendPort) => toConfig(port, apis(1, 'none', backendPort)) + CACHING,
    load: () => ({ host: HOST, headers: {}, path: PATH, count: 1 }),
  },
  signed: {
    title: 'app signature + access log',
    config: (port, backendPort, directory) =>
      toConfig(port, apis(1, 'app', backendPort)) + caller('bench/service-0') + accessLog(directory),
    load: () => ({ host: HOST, headers: signAlibaba(APP, PATH), path: PATH, count: 1 }),
  },
  full: {
    title: 'full chain: app signature, access control, throttling, backend signature, metrics, access log',
    config: toFullConfig,
    load: () => ({ host: HOST, headers: signHuawei(APP, HOST, PATH), path: PATH, count: 1 }),
  },
  content: {
    title:
      'signed content of 8 KiB: app signature, access control, throttling, metrics, access log; answered by the gateway',
    config: toContentConfig,
    load: () => ({
      host: HOST,
      headers: signHuawei(APP, HOST, PATH, CONTENT),
      path: PATH,
      count: 1,
      body: CONTENT,
    }),
  },
  'self-call': {
    title: 'routing + signing, self-call',
    config: toSelfCallConfig,
    load: () => ({
      host: '17ff4c91.example.com',
      headers: {},
      path: '/distributeAPI?target=resource1',
      count: 1,
    }),
  },
  'apis-10': toManyApis(10),
  'apis-10000': toManyApis(10_000),
};

const CONTENT = 'x'.repeat(8 * 1024);

function toFullConfig(port: number, backendPort: number, directory: string): string {
  return (
    toConfig(port, apis(1, 'app', backendPort)) +
    caller('bench/service-0') +
    GUARDS +
    SIGNED +
    accessLog(directory) +
    METRICS
  );
}

/** No backend takes processors from it, and who sends the load needs few of them. */
function toContentConfig(port: number, _backendPort: number, directory: string): string {
  const api = `  bench/service-0:
    request: { method: POST, path: ${PATH} }
    auth: app
    backend: { type: mock, status: 200, body: '${BACKEND_BODY}' }`;
  return toConfig(port, api) + caller('bench/service-0') + GUARDS + accessLog(directory) + METRICS;
}

export function toManyApis(count: number): Scenario {
  return {
    title: `${count.toLocaleString('en')} APIs`,
    config: (port, backendPort) => toConfig(port, apis(count, 'none', backendPort)),
    load: () => ({ host: HOST, headers: {}, path: PATHS, count }),
  };
}

export function toConfig(port: number, apiLines: string): string {
  return `listeners:
  - port: ${port}
throttling: { defaultPerSecond: 0 }
groups:
  bench:
    domains: [${HOST}]
apis:
${apiLines}
`;
}

export function apis(count: number, auth: 'none' | 'app', backendPort: number): string {
  return Array.from({ length: count }, (_, index) => {
    const path = `/service-${String(index).padStart(5, '0')}/items`;
    return `  bench/service-${index}:
    request: { method: GET, path: ${path} }
    auth: ${auth}
    backend: { type: http, address: "http://127.0.0.1:${backendPort}", path: ${path} }`;
  }).join('\n');
}

function caller(api: string): string {
  return `apps:
  caller:
    key: ${APP.key}
    secret: ${APP.secret}
    apis: [${api}]
`;
}

function accessLog(directory: string): string {
  return `accessLog: { file: ${JSON.stringify(`${directory}/access.log`)} }\n`;
}

function toSelfCallConfig(port: number, backendPort: number): string {
  return `listeners:
  - port: ${port}
throttling: { defaultPerSecond: 0 }
groups:
  distribution:
    domains: [17ff4c91.example.com]
  business-1:
    domains: [business1.example.com]
    internalDomains: [17ff4c91-intranet.example.com]
  business-2:
    domains: [business2.example.com]
    internalDomains: [c6e984b2-intranet.example.com]
apis:
  distribution/distribute:
    request: { method: GET, path: /distributeAPI }
    auth: none
    backend: { type: mock, status: 404, body: '{"message":"no such target"}' }
  business-1/business1:
    request: { method: GET, path: /business1 }
    auth: app
    backend: { type: http, address: "http://127.0.0.1:${backendPort}", path: /business1 }
  business-2/business2:
    request: { method: GET, path: /business2 }
    auth: app
    backend: { type: http, address: "http://127.0.0.1:${backendPort}", path: /business2 }
${caller('business-1/business1, business-2/business2')}${SELF_CALL_PLUGINS}`;
}

const METRICS = 'management: { port: 0 }\nmetrics: {}\n';

const GUARDS = `plugins:
  allowed:
    type: access-control
    config: { subject: ip, effect: allow, values: [127.0.0.0/8, "::1"] }
  limited:
    type: throttling
    config: { period: { value: 1, unit: minute }, limits: { api: 100000000, app: 100000000, ip: 100000000 } }
  signed:
    type: signature-key
    config: { method: hmac, key: gateway-key-01, secret: gateway-secret-0000001 }
bindings:
  - { plugin: allowed, apis: [bench/service-0] }
  - { plugin: limited, apis: [bench/service-0] }
`;

/** Behind `GUARDS`. */
const SIGNED = '  - { plugin: signed, apis: [bench/service-0] }\n';

const CACHING = `plugins:
  kept:
    type: caching
    config: { lifetimes: [{ seconds: 100000 }] }
bindings:
  - { plugin: kept, apis: [bench/service-0] }
`;

const SELF_CALL_PLUGINS = `plugins:
  route-by-target:
    type: alibaba/routing
    config:
      parameters:
        target: "Query:target"
      routes:
        - name: backend1
          condition: "$target = 'resource1'"
          backend:
            type: "HTTP"
            address: "17ff4c91-intranet.example.com"
            path: "/business1"
        - name: backend2
          condition: "$target = 'resource2'"
          backend:
            type: "HTTP"
            address: "c6e984b2-intranet.example.com"
            path: "/business2"
  sign-as-caller:
    type: alibaba/backendSignature
    config:
      type: APIGW_FRONTEND
      key: ${APP.key}
      secret: ${APP.secret}
      signatureMethod: HmacSHA256
bindings:
  - { plugin: route-by-target, apis: [distribution/distribute] }
  - { plugin: sign-as-caller, apis: [distribution/distribute] }
`;
