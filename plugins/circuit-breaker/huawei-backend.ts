import type { Kit } from '#sdk';
import type { Definition } from '#sdk/backends';
import type { HuaweiBackend } from './huawei-schema.ts';

type Problem = Kit['problem'];
type Path = readonly (string | number)[];

const partOf = {
  http: 'http_info',
  http_vpc: 'http_vpc_info',
  function: 'func_info',
  mock: 'mock_info',
  passthrough: 'passthrough_infos',
} as const;

/** Translates a downgrade backend into an API's `backend`. */
export function translateBackend(backend: HuaweiBackend, path: Path, problem: Problem): Definition {
  const { type } = backend;
  for (const [kind, field] of Object.entries(partOf)) {
    const value = backend[field];
    if (kind !== type && value !== undefined && value !== null && field !== 'passthrough_infos')
      problem([...path, field], `allowed with \`type: ${kind}\`; the type is ${type}`);
  }
  if (type === 'passthrough') return { type };
  const at = [...path, partOf[type]];
  if (backend[partOf[type]] === undefined || backend[partOf[type]] === null) {
    problem(path, `the type ${type} must have "${partOf[type]}"`);
    return { type: 'mock' };
  }
  if (type === 'mock') return mock(backend.mock_info ?? {}, at, problem);
  if (type === 'function') return calledFunction(backend.func_info, at, problem);
  const info = (type === 'http' ? backend.http_info : backend.http_vpc_info) ?? {};
  return http(info, type === 'http_vpc' || info.isVpc === true, at, problem);
}

type HttpInfo = NonNullable<HuaweiBackend['http_info']>;

function http(info: HttpInfo, isChannel: boolean, path: Path, problem: Problem): Definition {
  const { vpc_channel_id: channel, vpc_channel_proxy_host: hostHeader, address, scheme, timeout } = info;
  const place = isChannel ? channel : address;
  if (isAbsent(place)) {
    const field = isChannel ? 'vpc_channel_id' : 'address';
    problem(path, `it must have "${field}", ${isChannel ? 'a name under `channels`' : 'host:port'}`);
  }
  const method = isAbsent(info.method) ? undefined : info.method.toUpperCase();
  const lower = isAbsent(scheme) ? 'http' : scheme.toLowerCase();
  const common = { path: text(info.path), method, timeoutMs: timeout ?? undefined };
  if (isChannel)
    return defined({ type: 'http', channel, scheme: lower, hostHeader: text(hostHeader), ...common });
  return defined({ type: 'http', address: `${lower}://${address ?? ''}`, ...common });
}

function calledFunction(info: HuaweiBackend['func_info'], path: Path, problem: Problem): Definition {
  const {
    function_urn: urn = '',
    invocation_type: invocation,
    timeout,
    is_send_fg_body_base64: base64Body,
  } = info ?? {};
  const name = nameOf(urn);
  if (name === '')
    problem(
      [...path, 'function_urn'],
      `found ${JSON.stringify(urn)}; allowed: the name of a function, or urn:fss:region:project:function:package:name`,
    );
  return defined({
    type: 'function',
    function: name,
    invocation: invocation ?? undefined,
    timeoutMs: timeout ?? undefined,
    base64Body: base64Body ?? undefined,
  });
}

/** A name of the section `functions`, which stands behind the package in a URN. */
function nameOf(urn: string): string {
  if (!urn.includes(':')) return urn;
  const [, name = ''] = /^urn:fss:[^:]*:[^:]*:function:[^:]*:([^:]+)(?::[^:]*)?$/.exec(urn) ?? [];
  return name;
}

type MockInfo = NonNullable<HuaweiBackend['mock_info']>;

const unchangeable =
  /^(?:x-apig-|access-control-)|^(?:x-request-id|transfer-encoding|connection|date|server)$/i;

function mock(
  { status_code: status, result_content: body, headers }: MockInfo,
  path: Path,
  problem: Problem,
): Definition {
  const fields: Record<string, string> = {};
  for (const [index, header] of (headers ?? []).entries()) {
    const name = header.key_name ?? header.name ?? '';
    if (name === '' || name.length > 32 || unchangeable.test(name))
      problem(
        [...path, 'headers', index],
        `found the header ${JSON.stringify(name)}; allowed: names of 1 to 32 characters, not those of the gateway, the connection and CORS`,
      );
    fields[name] = header.key_value ?? header.value ?? '';
  }
  return defined({ type: 'mock', status: status ?? undefined, body: body ?? undefined, headers: fields });
}

/** Consoles write an empty text for what is not there, too. */
function isAbsent(value: string | null | undefined): value is '' | null | undefined {
  return value === undefined || value === null || value === '';
}

function text(value: string | null | undefined): string | undefined {
  return isAbsent(value) ? undefined : value;
}

function defined(fields: Readonly<Record<string, unknown>>): Definition {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
