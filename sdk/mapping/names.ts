import { perConnectionFields } from '../per-connection.ts';

export type ParameterLocation = 'path' | 'query' | 'header';

/**
 * Why a parameter may not have this name (guide tables 3-6, 3-12, 3-13), or undefined when it may.
 * @param side `request` for what callers send, `backend` for what the backend gets
 */
export function nameProblem(
  name: string,
  location: ParameterLocation,
  side: 'request' | 'backend',
): string | undefined {
  const lower = name.toLowerCase();
  if (/^x-(?:apig|sdk)-/.test(lower)) return 'a name may not start with x-apig- or x-sdk-';
  if (lower === 'x-stage') return 'x-stage chooses the environment and may not be a parameter';
  if (/[\x00-\x20\x7f]/.test(name)) return 'a name may not hold blanks or control characters';
  return location === 'header' ? headerNameProblem(lower, side) : undefined;
}

function headerNameProblem(lower: string, side: 'request' | 'backend'): string | undefined {
  if (lower.includes('_')) return 'the name of a header may not hold underscores';
  if (!/^[!#$%&'*+\-.^`|~0-9a-z]+$/.test(lower)) return 'this is no header name';
  if (side === 'request' && (lower === 'authorization' || lower === 'x-auth-token')) {
    return 'Authorization and X-Auth-Token belong to authentication and may not be parameters';
  }
  if (side === 'backend' && perConnectionFields.has(lower)) return 'the gateway writes this header itself';
  return undefined;
}
