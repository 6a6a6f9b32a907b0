import { type AlibabaBackend, unservedType } from './alibaba-schema.ts';
import type { Definition } from './merge.ts';

type Kind = 'http' | 'mock';
type ReportField = (field: keyof AlibabaBackend, message: string) => void;

const kinds: ReadonlyMap<string, Kind> = new Map([
  ['HTTP', 'http'],
  ['HTTP-VPC', 'http'],
  ['MOCK', 'mock'],
]);
const httpFields = ['address', 'path', 'method', 'timeout', 'vpcAccessName'] as const;
const mockFields = ['statusCode', 'body', 'mockBody'] as const;
const unserved = new RegExp(unservedType);

/**
 * Translates a vendor's backend into a part of an API's `backend`.
 * @param report what is wrong with a field of it
 */
export function translateBackend(backend: AlibabaBackend, report: ReportField): Definition {
  const kind = kindOf(backend, report);
  if (kind === undefined) return {};
  for (const field of kind === 'http' ? mockFields : httpFields) {
    if (backend[field] !== undefined)
      report(field, `${field} means nothing to a backend of type ${kind.toUpperCase()}`);
  }
  return kind === 'http' ? http(backend, report) : mock(backend, report);
}

/** Without a type the fields tell; with no field at all the API's own backend is meant. */
function kindOf(backend: AlibabaBackend, report: ReportField): Kind | undefined {
  const { type } = backend;
  if (type === undefined) {
    if (httpFields.some((field) => backend[field] !== undefined)) return 'http';
    return mockFields.some((field) => backend[field] !== undefined) ? 'mock' : undefined;
  }
  const kind = kinds.get(type.toUpperCase().replace('_', '-'));
  if (kind !== undefined) return kind;
  const allowed = 'allowed: HTTP, HTTP-VPC, MOCK';
  if (unserved.test(type)) {
    report(
      'type',
      `found "${type}": function and object-storage backends are not served by this gateway yet; ${allowed}`,
    );
  } else report('type', `found ${JSON.stringify(type)}; ${allowed}`);
  return undefined;
}

function http(backend: AlibabaBackend, report: ReportField): Definition {
  const { type, address, path, method, timeout, vpcAccessName } = backend;
  if (vpcAccessName !== undefined && type?.toUpperCase() === 'HTTP') {
    report('vpcAccessName', 'vpcAccessName means nothing to a backend of type HTTP; allowed in HTTP-VPC');
  }
  return defined({
    type: 'http',
    address,
    path,
    method: method?.toUpperCase(),
    timeoutMs: timeout,
    // An address beside it says already who is called.
    vpcAccessName: address === undefined ? vpcAccessName : undefined,
  });
}

function mock({ statusCode, body, mockBody }: AlibabaBackend, report: ReportField): Definition {
  if (body !== undefined && mockBody !== undefined)
    report('mockBody', 'mockBody is the older name of body; give one of them');
  return defined({ type: 'mock', status: statusCode, body: body ?? mockBody });
}

function defined(fields: Readonly<Record<string, unknown>>): Definition {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
