import { hasTwinMembers } from '#sdk';

/**
 * Parses a JSON object that has no member twice, at any depth: of two, one reader takes the first and another the last
 * (RFC 7515 section 4, RFC 7519 section 4). Undefined for everything else.
 */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || hasTwinMembers(text))
    return undefined;
  return value as Readonly<Record<string, unknown>>;
}

/** What is shared by many requests is changed by none. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const left: object[] = [value];
  for (let each = left.pop(); each !== undefined; each = left.pop()) {
    for (const inner of Object.values(Object.freeze(each) as Record<string, unknown>))
      if (typeof inner === 'object' && inner !== null) left.push(inner);
  }
  return value;
}
