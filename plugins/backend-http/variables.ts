import { type Kit, Variables } from '#sdk';

/** The address with its variables put in; undefined when one is missing, which is then reported. */
export function expandAddress(address: string, kit: Kit): string | undefined {
  return expanded(address, 'address', kit);
}

/** The path with its variables put in; undefined when one is missing, or when no path comes of it. */
export function expandPath(path: string, kit: Kit): string | undefined {
  const text = expanded(path, 'path', kit);
  if (text === undefined || text === path) return text;
  if (!text.startsWith('/')) {
    kit.problem(['path'], 'with its variables put in, the path does not start with /');
    return undefined;
  }
  // The guide's example (3.5) has `/#Path#` with the value `/Stage/test`, and means `/Stage/test`.
  return text.replace(/^\/+/, '/');
}

function expanded(text: string, field: string, kit: Kit): string | undefined {
  if (!text.includes('#')) return text;
  const result = kit.use(Variables).expand(kit.api.group, kit.environment, text);
  if ('text' in result) return result.text;
  for (const { message, offset } of result.missing) kit.problem([field], message, offset);
  return undefined;
}
