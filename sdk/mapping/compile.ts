import type { Api, Outbound } from '../exchange.ts';
import type { Reply } from '../reply.ts';
import { isFieldValue, toBytes } from './bytes.ts';
import { declaredParameters } from './declared.ts';
import { nameProblem } from './names.ts';
import type { BackendParameter } from './options.ts';
import { compilePath } from './path.ts';
import { planPassing } from './passing.ts';
import { type Source, SourceRequest, compileSource } from './sources.ts';
import { type Target, writeHeaders, writeQuery } from './write.ts';

export interface MappingOptions {
  readonly api: Api;
  readonly parameters: readonly BackendParameter[];
  /** The backend's path with `{name}`; undefined when it keeps the caller's, or has none. */
  readonly path?: string | undefined;
  /** As the kit's: paths start with `path` or `parameters`. */
  readonly problem: (path: readonly (string | number)[], message: string, offset?: number) => void;
}

/** What a backend does to a request for its parameters. */
export interface Mapping {
  /** Writes path, query and header fields. A refusal when a value cannot stand where it is mapped to. */
  apply(outbound: Outbound): Reply | undefined;
}

/**
 * Compiles the parameters of a backend, once at load (guide 3.2.1). Undefined when there is nothing to do: then the
 * request goes to the backend as it came.
 *
 * - A parameter that is mapped is moved: it is not sent where the caller put it, unless it says `passThrough: true`.
 * - What is mapped to a name replaces all that the caller sent under that name, also when there is no value.
 * - A declared parameter that is not mapped, and all that is not declared, goes on as it came; missing defaults are added.
 */
export function compileMapping(options: MappingOptions): Mapping | undefined {
  const { api, path } = options;
  const declared = declaredParameters(api);
  const targets = compileTargets(options, declared);
  const inPath = new Map(
    targets.filter((each) => each.in === 'path').map(({ lower, source }) => [lower, source]),
  );
  const fill =
    path === undefined
      ? undefined
      : compilePath(path, api.request.path, inPath, (message, offset) =>
          options.problem(['path'], message, offset),
        );
  checkPathTargets(options, inPath);
  const query = planPassing('query', declared, targets);
  const header = planPassing('header', declared, targets);
  if (fill === undefined && query === undefined && header === undefined) return undefined;
  return {
    apply(outbound) {
      const request = new SourceRequest(outbound.exchange);
      if (fill !== undefined) {
        const filled = fill(request);
        if (typeof filled !== 'string') return filled;
        outbound.path = filled;
      }
      if (query !== undefined) writeQuery(outbound, request, query);
      return header === undefined ? undefined : writeHeaders(outbound, request, header);
    },
  };
}

function compileTargets(
  { api, parameters, problem }: MappingOptions,
  declared: ReturnType<typeof declaredParameters>,
): Target[] {
  const seen = new Set<string>();
  const targets: Target[] = [];
  for (const [index, parameter] of parameters.entries()) {
    const { name, in: location } = parameter;
    const lower = toBytes(name.toLowerCase());
    const wrong = nameProblem(name, location, 'backend');
    if (wrong !== undefined) problem(['parameters', index, 'name'], `found "${name}"; ${wrong}`);
    const key = `${location} ${lower}`;
    if (seen.has(key)) problem(['parameters', index, 'name'], `"${name}" in ${location} is mapped already`);
    seen.add(key);
    const source = compileSource(parameter, {
      declared,
      requestPath: api.request.path,
      problem: (field, message, offset) =>
        problem(['parameters', index, ...(field === undefined ? [] : [field])], message, offset),
    });
    if (location === 'header' && !isFieldValue(toBytes(String(parameter.value ?? '')))) {
      problem(['parameters', index, 'value'], 'a header may not hold control characters');
    }
    if (source !== undefined) targets.push({ name, lower, in: location, source });
  }
  return targets;
}

/** A path parameter must stand in the backend path (guide, tables 3-12 and 3-13). */
function checkPathTargets(
  { parameters, path, problem }: MappingOptions,
  inPath: ReadonlyMap<string, Source>,
): void {
  for (const [index, { name, in: location }] of parameters.entries()) {
    if (location !== 'path' || !inPath.has(toBytes(name.toLowerCase()))) continue;
    const holds = path !== undefined && new RegExp(`\\{${RegExp.escape(name)}\\+?\\}`, 'i').test(path);
    if (holds) continue;
    const found =
      path === undefined ? 'this backend has no path' : `{${name}} does not stand in the path ${path}`;
    problem(['parameters', index, 'name'], `${found}; put it there, or map the parameter to query or header`);
  }
}
