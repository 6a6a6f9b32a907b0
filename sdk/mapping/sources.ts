import { describeAllowed } from '../allowed.ts';
import type { Exchange } from '../exchange.ts';
import { percentDecode, toBytes } from './bytes.ts';
import { type DeclaredParameter, requestPathNames } from './declared.ts';
import type { BackendParameter } from './options.ts';
import { RawQuery } from './query.ts';
import { type SystemValue, authorizerValue, systemNames, systemValue } from './system.ts';

/** A request whose query is taken apart when somebody first asks for it. */
export class SourceRequest {
  readonly exchange: Exchange;
  #query: RawQuery | undefined;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  get query(): RawQuery {
    return (this.#query ??= new RawQuery(this.exchange.rawQuery));
  }
}

/** Where a backend parameter's value comes from. */
export interface Source {
  /** The values as bytes; none when the caller sent none and there is no default. */
  read(request: SourceRequest): readonly string[];
  /** Set for a path value of the request, which goes into a path as it was sent. */
  readonly pathName?: string;
  /** Set for a declared parameter, which is thereby mapped. */
  readonly declared?: DeclaredParameter;
}

export interface SourceContext {
  readonly declared: readonly DeclaredParameter[];
  readonly requestPath: string;
  readonly problem: (field: 'from' | 'value' | undefined, message: string, offset?: number) => void;
}

/** Compiles `from` or `value`; undefined when there is something wrong with it, which is then reported. */
export function compileSource(parameter: BackendParameter, context: SourceContext): Source | undefined {
  const { from, value } = parameter;
  if (from !== undefined && value !== undefined) {
    context.problem('value', '"from" and "value" exclude each other');
    return undefined;
  }
  if (value !== undefined) {
    const constant = [toBytes(String(value))];
    return { read: () => constant };
  }
  if (from === undefined) {
    context.problem(undefined, 'a parameter needs "from" or "value"');
    return undefined;
  }
  const [, kind = '', name = ''] =
    /^(request|system|authorizer\.(?:frontend|backend))\.(.+)$/s.exec(from) ?? [];
  if (kind === 'request') return requestSource(name, context);
  if (kind === 'system') return systemSource(name, context);
  if (kind !== '')
    return authorizerSource(kind === 'authorizer.frontend' ? 'frontend' : 'backend', name, context);
  const allowed = 'request.NAME, system.NAME, authorizer.frontend.KEY, authorizer.backend.KEY';
  context.problem('from', `found "${from}"; allowed: ${allowed}`);
  return undefined;
}

function requestSource(name: string, { declared, requestPath, problem }: SourceContext): Source | undefined {
  const lower = name.toLowerCase();
  const found = declared.find((each) => each.name.toLowerCase() === lower);
  if (found === undefined) {
    const names = declared.map((each) => each.name);
    const hint = names.length === 0 ? 'none is declared' : describeAllowed(names, name);
    problem('from', `request.parameters declares no "${name}"; ${hint}`, 'request.'.length);
    return undefined;
  }
  if (found.in === 'path') {
    const pathName = requestPathNames(requestPath).get(lower) ?? found.name;
    return { pathName, declared: found, read: ({ exchange }) => some(exchange.pathValues.get(pathName)) };
  }
  const fallback = found.default === undefined ? [] : [toBytes(found.default)];
  const key = toBytes(lower);
  const read =
    found.in === 'query'
      ? ({ query }: SourceRequest) => query.valuesOf(key)
      : ({ exchange }: SourceRequest) => exchange.headers.getAll(lower);
  return {
    declared: found,
    read(request) {
      const values = read(request);
      return values.length === 0 ? fallback : values;
    },
  };
}

function some(pathValue: string | undefined): readonly string[] {
  return pathValue === undefined ? [] : [percentDecode(pathValue)];
}

function systemSource(name: string, { problem }: SourceContext): Source | undefined {
  const value = systemValue(name);
  if (value !== undefined) return fromValue(value);
  const hint = describeAllowed(systemNames, name);
  problem('from', `there is no system parameter "${name}"; ${hint}`, 'system.'.length);
  return undefined;
}

function authorizerSource(
  side: 'frontend' | 'backend',
  key: string,
  { problem }: SourceContext,
): Source | undefined {
  if (/^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(key)) return fromValue(authorizerValue(side, key));
  const rule = 'letters, digits, _ and -, starting with a letter, at most 32';
  problem('from', `found "${key}"; allowed: ${rule}`, `authorizer.${side}.`.length);
  return undefined;
}

function fromValue(value: SystemValue): Source {
  return {
    read({ exchange }) {
      const text = value(exchange, exchange);
      return text === '' ? [] : [toBytes(text)];
    },
  };
}
