import { type Completed, type LogMask, cacheStatus, refusalKinds } from '#sdk';
import { type Upstream, upstream } from './capture.ts';

type Value = string | number | null | undefined;
type Read = (notice: Completed, called: Upstream | undefined, mask: LogMask | undefined) => Value;

const seconds = (ms: number | undefined): number | undefined =>
  ms === undefined ? undefined : Math.round(ms) / 1000;
const header =
  (name: string): Read =>
  ({ arrival }, _called, mask) => {
    const value = arrival.headers.combined(name);
    return value === undefined ? undefined : (mask?.mask('REQUEST_HEADER', name, value) ?? value);
  };
/** What the vendor's gateway has and this one has not. */
const nothing: Read = () => null;

/** What a line may tell, in the words of Huawei Cloud APIG (kafka_log, access log); the last few are our own. */
const table = {
  start_time: ({ exchange }) => exchange && new Date(exchange.receivedAt).toISOString(),
  request_id: ({ arrival }) => arrival.requestId,
  client_ip: ({ arrival }) => arrival.clientAddress,
  request_time: ({ durationMs }) => seconds(durationMs),
  http_status: ({ status }) => status,
  scheme: ({ arrival }) => arrival.scheme,
  request_method: ({ arrival }) => arrival.method,
  host: ({ arrival }) => arrival.host,
  uri: ({ arrival }) => arrival.path,
  upstream_addr: (_notice, called) => called?.origin.replace(/^https?:\/\//, ''),
  upstream_status: (_notice, called) => called?.status,
  upstream_response_time: ({ backendMs }) => seconds(backendMs),
  http_x_forwarded_for: header('x-forwarded-for'),
  http_user_agent: header('user-agent'),
  error_type: ({ refusal }) => (refusal?.kind === 'throttled' ? 1 : 0),
  api_id: ({ exchange }) => exchange?.api.name,
  user_name: ({ exchange }) => exchange?.identity?.user?.name,
  app_id: ({ exchange }) => exchange?.identity?.app?.id,
  access_model1: ({ exchange }) => exchange?.identity?.type,
  access_model2: nothing,
  server_protocol: ({ arrival }) => `HTTP/${arrival.httpVersion}`,
  api_uri_mode: ({ exchange }) => (exchange?.api.request.match === 'prefix' ? 'SWA' : 'NORMAL'),
  request_size: ({ bytesReceived }) => bytesReceived,
  response_size: ({ bytesSent }) => bytesSent,
  upstream_uri: (_notice, called) => called?.path,
  upstream_connect_time: nothing,
  upstream_header_time: ({ backendMs }) => seconds(backendMs),
  all_upstream_response_time: ({ backendMs }) => seconds(backendMs),
  region_id: nothing,
  auth_type: ({ exchange }) => exchange?.identity?.type ?? 'none',
  inner_time: ({ durationMs, backendMs = 0 }) => seconds(durationMs - backendMs),
  proxy_protocol_vni: nothing,
  proxy_protocol_vpce_id: nothing,
  proxy_protocol_addr: nothing,
  body_bytes_sent: ({ bytesSent }) => bytesSent,
  api_name: ({ exchange }) => exchange?.api.name.slice(exchange.api.name.indexOf('/') + 1),
  app_name: ({ exchange }) => exchange?.identity?.app?.name,
  provider_app_id: nothing,
  provider_app_name: nothing,
  response_source: ({ answeredBy, refusal }) =>
    answeredBy === undefined && refusal === undefined ? 'remote' : 'local',
  environment: ({ exchange }) => exchange?.environment,
  group: ({ exchange }) => exchange?.api.group.name,
  identity: ({ exchange }) => exchange?.identity?.id,
  outcome: ({ outcome }) => outcome,
  refusal: ({ refusal }) => refusal?.kind,
  refusal_cause: ({ refusal }) => refusal?.cause,
  apig_err_code: ({ refusal }) => (refusal === undefined ? undefined : refusalKinds[refusal.kind].code),
  cache_status: ({ exchange }) => exchange?.notes.get(cacheStatus),
  plugin: ({ answeredBy }) => answeredBy?.plugin,
} as const satisfies Record<string, Read>;

export type FieldName = keyof typeof table;
export const fieldNames = Object.keys(table) as FieldName[];

/** What Huawei's console has switched on. */
export const consoleFields: readonly FieldName[] = [
  'start_time',
  'request_id',
  'client_ip',
  'request_time',
  'http_status',
  'scheme',
  'request_method',
  'host',
  'uri',
  'upstream_addr',
  'upstream_status',
  'upstream_response_time',
  'http_x_forwarded_for',
  'http_user_agent',
  'error_type',
];

/** And what is worth as much here. */
export const defaultFields: readonly FieldName[] = [
  ...consoleFields,
  'api_id',
  'environment',
  'outcome',
  'refusal',
];

/** What the vendor calls the values of an operator's own choice, counted from 0. */
export function customName(index: number): string {
  return `custom_data_log${String(index + 1).padStart(2, '0')}`;
}

/** Writes the fields into a line; what is not known is null, so that every line has the same members. */
export function readFields(
  names: readonly FieldName[],
  notice: Completed,
  mask: LogMask | undefined,
  line: Record<string, unknown>,
): void {
  const called = notice.exchange?.notes.get(upstream);
  for (const name of names) line[name] = table[name](notice, called, mask) ?? null;
}
