import { registerHooks } from 'node:module';

/** How an extension's source, an npm package name, is resolved as seen from the configuration's folder. */
export const extensionScheme = 'tapgate-extension:';

/** Names what an extension's files held when it was loaded; in the URL of each of them. */
export const versionKey = 'tapgate-version';
const versioned = new RegExp(`\\?${versionKey}=[0-9a-f]+$`);

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
    const resolved = next(specifier, context);
    const version = /^\.\.?\//.test(specifier) ? versioned.exec(context.parentURL ?? '')?.[0] : undefined;
    return version === undefined ? resolved : { ...resolved, url: resolved.url + version };
  },
});
