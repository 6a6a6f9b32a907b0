import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { hashOfFile } from '../config/files.ts';

/** How an extension's source, an npm package name, is resolved as seen from the configuration's folder. */
export const extensionScheme = 'tapgate-extension:';

/** Names what an extension's files held when it was loaded; in the URL of each of them. */
export const versionKey = 'tapgate-version';
const versioned = new RegExp(`\\?${versionKey}=([0-9a-f]+)$`);
const imports = new Map<string, Map<string, string>>();

/** The files that a version of an extension imports by their paths, there or not, and what they held before they were read. */
export function importedBy(version: string): ReadonlyMap<string, string> {
  return imports.get(version) ?? new Map();
}

/**
 * Makes `tapgate/sdk`, and what lies below it, mean this gateway's own copy, whatever folder the importing file lies in: with a second copy a
 * plugin's Reply would be no Reply here. Importing this file is enough.
 */
registerHooks({
  resolve(specifier, context, next) {
    // As seen from here, by this package's own `exports`.
    if (specifier.startsWith('tapgate/')) return next(specifier, { ...context, parentURL: import.meta.url });
    if (specifier.startsWith(extensionScheme)) {
      const { searchParams } = new URL(specifier);
      return next(searchParams.get('package') ?? '', {
        ...context,
        parentURL: searchParams.get('from') ?? '',
      });
    }
    const [query = '', version = ''] = /^\.\.?\//.test(specifier)
      ? (versioned.exec(context.parentURL ?? '') ?? [])
      : [];
    if (query !== '') note(version, new URL(specifier, context.parentURL));
    const resolved = next(specifier, context);
    return query === '' ? resolved : { ...resolved, url: resolved.url + query };
  },
});

function note(version: string, url: URL): void {
  const files = imports.get(version) ?? new Map<string, string>();
  imports.set(version, files);
  const file = fileURLToPath(url);
  if (!files.has(file)) files.set(file, hashOfFile(file));
}
