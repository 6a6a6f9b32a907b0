import type { Exchange } from '#sdk';

/**
 * An entry of `X-Forwarded-For`: 0 is the first, -1 the last. Callers may write what they like into the ones before
 * those that trusted proxies add, so that it is the operator who says which one counts. Undefined when it is not there.
 */
export function fromForwardedFor(index: number): (exchange: Exchange) => string | undefined {
  return ({ headers }) => {
    const list = headers.combined('x-forwarded-for');
    if (list === undefined) return undefined;
    const entry = list
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .at(index);
    return entry === undefined ? undefined : withoutPort(entry);
  };
}

// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
function withoutPort(entry: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(entry) ?? [];
  return bracketed ?? plain ?? entry;
}
