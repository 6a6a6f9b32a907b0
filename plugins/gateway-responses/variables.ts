import { type Arrival, type Exchange, type Refusal, refusalKinds } from '#sdk';
import { authorizerValue, findContextName, systemValue } from '#sdk/mapping';

/** What a response is rendered from. */
export interface Facts {
  readonly arrival: Arrival;
  /** Undefined when no API was found. */
  readonly exchange: Exchange | undefined;
  readonly refusal: Refusal;
}

export type Variable = (facts: Facts) => string;

export function errorCode({ refusal }: Facts): string {
  return refusalKinds[refusal.kind].code;
}

export function errorMessage({ refusal }: Facts): string {
  return refusal.message ?? refusalKinds[refusal.kind].message;
}

const errors: Readonly<Record<string, Variable>> = {
  'error.message': errorMessage,
  'error.code': errorCode,
  'error.type': ({ refusal }) => refusalKinds[refusal.kind].type,
};

const ofRequest = [
  'apiId',
  'apiName',
  'appId',
  'appName',
  'requestId',
  'stage',
  'sourceIp',
  'reqPath',
  'reqUri',
  'reqMethod',
] as const;

/** Names of what may follow `$context.` (guide table 3-3, and the current manual's). */
export const variableNames: readonly string[] = [
  ...ofRequest,
  ...Object.keys(errors),
  'authorizer.frontend.KEY',
  'authorizer.backend.KEY',
];

/** The variable of that name. Letter case is ignored, as the guide writes appId and appid; that of a KEY is not. */
export function findVariable(name: string): Variable | undefined {
  const [, side, key] = /^authorizer\.(frontend|backend)\.(.+)$/i.exec(name) ?? [];
  if (side !== undefined && key !== undefined) {
    const value = authorizerValue(side.toLowerCase() === 'frontend' ? 'frontend' : 'backend', key);
    return ({ arrival, exchange }) => value(arrival, exchange);
  }
  // Table 3-3 of the guide has it without the second i.
  const known = findContextName(name.toLowerCase() === 'apid' ? 'apiId' : name, ofRequest);
  const value = known === undefined ? undefined : systemValue(known);
  if (value !== undefined) return ({ arrival, exchange }) => value(arrival, exchange);
  return errors[name.toLowerCase()];
}
