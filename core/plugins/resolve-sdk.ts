import { registerHooks } from 'node:module';

const sdkUrl = new URL('../../sdk/index.ts', import.meta.url).href;
const testingUrl = new URL('../../sdk/testing/index.ts', import.meta.url).href;

/** How an extension's source, an npm package name, is resolved as seen from the configuration's folder. */
export const extensionScheme = 'tapgate-extension:';

/** Names what an extension's files held when it was loaded; in the URL of each of them. */
export const versionKey = 'tapgate-version';
const versioned = new RegExp(`\\?${versionKey}=[0-9a-f]+$`);

/**
 * Makes `tapgate/sdk` mean this gateway's own copy, whatever folder the importing file lies in: with a second copy a
 * plugin's Reply would be no Reply here. Importing this file is enough.
 */
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === 'tapgate/sdk') return { url: sdkUrl, shortCircuit: true };
    if (specifier === 'tapgate/sdk/testing') return { url: testingUrl, shortCircuit: true };
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
