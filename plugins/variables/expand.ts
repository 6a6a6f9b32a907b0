import { type MissingVariable, type Variables, describeAllowed } from '#sdk';

export type ByEnvironment = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** Replaces each `#name#`, or tells of each that stands for nothing and where. */
export function expand(
  byGroup: ReadonlyMap<string, ByEnvironment>,
  group: string,
  environment: string,
  text: string,
): ReturnType<Variables['expand']> {
  const byEnvironment = byGroup.get(group);
  const values = byEnvironment?.get(environment);
  const missing: MissingVariable[] = [];
  let expanded = '';
  let end = 0;
  for (let start = text.indexOf('#'); start >= 0; start = text.indexOf('#', end)) {
    const close = text.indexOf('#', start + 1);
    const name = text.slice(start + 1, close < 0 ? undefined : close);
    const value = close < 0 ? undefined : values?.get(name);
    expanded += text.slice(end, start) + (value ?? '');
    end = close < 0 ? text.length : close + 1;
    if (value !== undefined) continue;
    const message = close < 0 ? 'this # has no partner; a variable is written #name#' : unknown(name);
    missing.push({ name, offset: start, message });
  }
  return missing.length > 0 ? { missing } : { text: expanded + text.slice(end) };

  function unknown(name: string): string {
    const where = `the group "${group}" has no variable "${name}" in ${environment}`;
    const elsewhere = [...(byEnvironment ?? [])]
      .filter(([, values]) => values.has(name))
      .map(([other]) => other);
    const hint =
      elsewhere.length > 0
        ? `it has one in ${elsewhere.join(', ')}`
        : describeAllowed(values?.keys() ?? [], name);
    return `${where}; ${hint}`;
  }
}
