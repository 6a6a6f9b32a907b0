import type { Api, Exchange } from '#sdk';
import { type BackendParameter, declaredParameters, declaredValues } from '#sdk/mapping';

/**
 * Reads what the caller sent of a parameter by the name that the backend knows it under: where the API maps none to that
 * name, the parameter that is declared under it, else the one of the query.
 */
export function parameterText(name: string, api: Api): (exchange: Exchange) => string {
  const front = mappedFrom(name, api) ?? name;
  const declared = declaredParameters(api).find((each) => each.name.toLowerCase() === front.toLowerCase());
  if (declared === undefined) return ({ query }) => JSON.stringify(query.getAll(front));
  const read = declaredValues(declared, api.request.path);
  return (exchange) => JSON.stringify(read(exchange));
}

function mappedFrom(name: string, { definition }: Api): string | undefined {
  const { parameters } = (definition['backend'] ?? {}) as {
    readonly parameters?: readonly BackendParameter[];
  };
  const mapped = Array.isArray(parameters) ? parameters.find((each) => each.name === name) : undefined;
  return /^request\.(.+)$/.exec(mapped?.from ?? '')?.[1];
}
