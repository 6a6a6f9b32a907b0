import type { Api } from '../exchange.ts';
import type { ParameterLocation } from './names.ts';

/** A parameter that an API declares under `request.parameters`; the plugin `request-parameters` checks it. */
export interface DeclaredParameter {
  readonly name: string;
  readonly in: ParameterLocation;
  /** Sent when the caller sends none. */
  readonly default: string | undefined;
  /** `true`: also sent where the caller put it; `false`: never there; undefined: there unless it is mapped. */
  readonly passThrough: boolean | undefined;
}

/** What an API declares. An entry of the wrong shape is left out: the plugin that owns the field reports it. */
export function declaredParameters(api: Api): readonly DeclaredParameter[] {
  const request = api.definition['request'] as { parameters?: unknown } | undefined;
  const entries: unknown = request?.parameters;
  return Array.isArray(entries) ? entries.flatMap(readEntry) : [];
}

function readEntry(entry: unknown): readonly DeclaredParameter[] {
  if (typeof entry !== 'object' || entry === null) return [];
  const { name, in: location, default: fallback, passThrough } = entry as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || !isLocation(location)) return [];
  return [
    {
      name,
      in: location,
      default: isScalar(fallback) ? String(fallback) : undefined,
      passThrough: typeof passThrough === 'boolean' ? passThrough : undefined,
    },
  ];
}

function isLocation(value: unknown): value is ParameterLocation {
  return value === 'path' || value === 'query' || value === 'header';
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** The names of `{p}` and `{p+}` in an API's request path, as written there, by lower case. */
export function requestPathNames(path: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [, name = ''] of path.matchAll(/\{([^{}]+?)\+?\}/g)) names.set(name.toLowerCase(), name);
  return names;
}
