import { type Api, type Exchange, defineNote } from '../exchange.ts';
import { declaredParameters } from '../mapping/declared.ts';
import { type ReadValues, declaredValues, pathValue } from '../mapping/values.ts';
import { type Params, decodePath } from '../params.ts';
import { textOf } from '../signatures/alibaba-message.ts';
import type { Reader } from './bind.ts';
import type { Parameter } from './declaration.ts';
import { readForwardedFor } from './forwarded-for.ts';
import { readHostVariable } from './host-variable.ts';
import { readJsonPath } from './json-path.ts';
import type { SystemName } from './locations.ts';

/** The form once it was read, so that several plugins parse a body once and read it without waiting. */
const formNote = defineNote<Params>('form');

/**
 * Reads the parameters of the request phase; one for all conditions and templates of a binding.
 *
 * @example
 * const readers = new RequestReaders();
 * const isBlocked = compileCondition(text, { scope, resolve: readers.resolve });
 * return { preAuth: (exchange) => readers.evaluate(exchange, (ready) => (isBlocked(ready) ? refuse('access-denied') : undefined)) };
 */
export class RequestReaders {
  #needsForm = false;

  /** Whether a parameter that was resolved is a field of the form, so that the body is needed. */
  get needsForm(): boolean {
    return this.#needsForm;
  }

  /**
   * The `resolve` of `compileCondition` and `compileTemplate`. See `requestReader` for what is read.
   * @throws TypeError for a parameter without a value in the request phase, and for a plug-in's own names
   */
  readonly resolve = (parameter: Parameter): Reader<Exchange> => {
    if (parameter.location === 'Form') this.#needsForm = true;
    return requestReader(parameter);
  };

  /**
   * Calls `evaluate` when everything that was resolved can be read: at once and without a promise, unless a field of
   * the form is among it and the request has a body. Rejects as `exchange.readForm` does, with a refusal.
   */
  evaluate<T>(exchange: Exchange, evaluate: (exchange: Exchange) => T): T | Promise<T> {
    if (!this.#needsForm || !exchange.hasBody || exchange.notes.get(formNote) !== undefined)
      return evaluate(exchange);
    return exchange.readForm().then((form) => {
      exchange.notes.set(formNote, form);
      return evaluate(exchange);
    });
  }
}

/**
 * Makes the reader of a request-phase parameter.
 *
 * - Values are text as people write it: percent-escapes of the path and UTF-8 in a header are decoded.
 * - `Header`, `Query`, `Form` give the first value; a form field exists only within `RequestReaders.evaluate`.
 * - `Parameter` gives the first value of a parameter that the API declares, or its default, wherever it stands; letter
 *   case is ignored, as callers' is. Without a declaration it is, as `Path:name`, the value of `{name}` in the API's path.
 * - `Host:0` is the first label of what `*` in the group's domain stands for, `Host:1` the second; any other name
 *   is the whole of it, since a domain has one `*`.
 * - `Token` gives an own claim; an object or a list is its JSON text.
 * - `CaApiName` is the name without the group; `CaAppId` and `CaAppKey` exist when an app was authenticated.
 *
 * @throws TypeError for a parameter without a value in the request phase, and for a plug-in's own names
 */
export function requestReader(parameter: Parameter): Reader<Exchange> {
  switch (parameter.location) {
    case 'Method':
      return ({ method }) => method;
    case 'Path':
      return ({ path }) => decodePath(path);
    case 'XFF':
      return ({ headers }) =>
        decoded(readForwardedFor(headers.combined('x-forwarded-for') ?? '', parameter.index));
    case 'System':
      return systemReaders[parameter.key];
    case 'Header':
    case 'Query':
    case 'Form':
    case 'Host':
    case 'Parameter':
    case 'PathVariable':
    case 'Token':
      return keyedReader(parameter.location, parameter.key);
    case 'StatusCode':
    case 'ErrorCode':
    case 'BodyJsonField':
    case 'BuiltIn':
    default:
      throw new TypeError(`$${parameter.name} has no value in a request`);
  }
}

type RequestLocation = 'Header' | 'Query' | 'Form' | 'Host' | 'Parameter' | 'PathVariable' | 'Token';

function keyedReader(location: RequestLocation, key: string): Reader<Exchange> {
  switch (location) {
    case 'Header':
      return ({ headers }) => decoded(headers.get(key));
    case 'Query':
      return ({ query }) => query.get(key);
    case 'Form':
      return ({ notes }) => notes.get(formNote)?.get(key);
    case 'Host':
      return ({ host, api }) => readHostVariable(host, api.group.hosts, key);
    case 'Parameter':
      return parameterReader(key);
    case 'PathVariable': {
      const read = pathValue(key);
      return (exchange) => read(exchange)[0];
    }
    case 'Token':
    default:
      return ({ identity }) => readJsonPath(identity?.claims, [key]);
  }
}

/** The API is known with the first request only; whoever made the reader may use it for several. */
function parameterReader(key: string): Reader<Exchange> {
  let api: Api | undefined;
  let read: ReadValues = pathValue(key);
  return (exchange) => {
    if (exchange.api !== api) {
      ({ api } = exchange);
      const lower = key.toLowerCase();
      const declared = declaredParameters(api).find(({ name }) => name.toLowerCase() === lower);
      read = declared === undefined ? pathValue(key) : declaredValues(declared, api.request.path);
    }
    return read(exchange)[0];
  };
}

const absent = () => undefined;

const systemReaders: Readonly<Record<SystemName, Reader<Exchange>>> = {
  CaClientIp: ({ clientAddress }) => clientAddress,
  CaDomain: ({ host }) => (host === '' ? undefined : host),
  CaRequestHandleTime: ({ receivedAt }) => `${new Date(receivedAt).toISOString().slice(0, 19)}Z`,
  CaAppId: ({ identity }) => identity?.app?.id,
  CaAppKey: ({ identity }) => identity?.app?.key,
  CaRequestId: ({ requestId }) => requestId,
  CaApiName: ({ api }) => api.name.slice(api.name.indexOf('/') + 1),
  CaHttpSchema: ({ scheme }) => scheme,
  CaClientUa: ({ headers }) => decoded(headers.get('user-agent')),
  CaProxy: () => 'AliCloudAPIGateway',
  CaCloudMarketInstanceId: absent,
  CaAppExtendInfo: absent,
  CaStage: ({ environment }) => environment,
  CaInstanceId: absent,
  CaSourceVpcId: absent,
};

function decoded(value: string | undefined): string | undefined {
  return value === undefined ? undefined : textOf(value);
}
