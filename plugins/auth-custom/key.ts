import { hash } from 'node:crypto';

/**
 * Under which a decision is kept: a hash, so that nothing a caller proves itself with stays in memory for longer than its
 * request. Lengths keep one list of values from looking like another.
 */
export function keyOf(
  scope: string,
  method: string,
  values: readonly (readonly string[])[],
  bodyHash: string | undefined,
): string {
  let text = scope + method;
  for (const list of values) {
    text += `\n${list.length}`;
    for (const value of list) text += ` ${value.length} ${value}`;
  }
  if (bodyHash !== undefined) text += `\n${bodyHash}`;
  return hash('sha256', text, 'base64');
}

/** What a decision holds in: the function may tell APIs and environments apart, and methods, which are no identities. */
export function scopeOf(api: string, environment: string): string {
  return JSON.stringify([api, environment]);
}
