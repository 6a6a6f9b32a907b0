import type { PluginDefinition } from '#sdk';
import type { Problems } from '../config/check.ts';
import type { Path } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import { inRequest } from '../config/root-schema.ts';
import { apiFields, groupFields, requestFields, rootFields, sandboxFields } from '../config/schema.ts';
import { hashOfFile } from '../config/files.ts';
import {
  type LoadedPlugin,
  extensionPath,
  loadExtension,
  loadGiven,
  loadOwnPlugins,
  locateExtension,
} from './registry.ts';
import { importedBy } from './resolve-sdk.ts';
import { type SandboxHost, loadSandboxed } from '../sandbox/extension.ts';
import { optionsOf } from '../sandbox/limits.ts';

/** Loads the plugins that a configuration may use; what cannot be loaded is a problem. */
export async function loadPlugins(
  text: ConfigText,
  problems: Problems,
  given: readonly PluginDefinition[],
  sandbox: SandboxHost,
): Promise<LoadedPlugin[]> {
  const extensions: LoadedPlugin[] = given.map((definition) => loadGiven(definition));
  const named = text.root['extensions'];
  const entries = typeof named === 'object' && named !== null ? Object.entries(named) : [];
  const own = await loadOwnPlugins();
  for (const [name, entry] of entries) {
    const path: Path = ['extensions', name];
    const options = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
    const { source } = options;
    if (typeof source !== 'string') continue;
    for (const field of Object.keys(sandboxFields)) {
      if (options.sandbox !== true && Object.hasOwn(options, field))
        problems.add([...path, field], 'only for an extension in a sandbox; add `sandbox: true`', {
          key: true,
        });
    }
    if (own.some(({ definition }) => definition.name === name)) {
      problems.add(
        path,
        `a plugin of the gateway is called "${name}"; an extension needs a name of its own`,
        { key: true },
      );
      continue;
    }
    const from = text.locate.fileOf([...path, 'source']);
    // Before it is loaded: a change may mend what cannot be.
    const place = extensionPath(source, from);
    if (place !== undefined) text.hashes.set(place, hashOfFile(place));
    let version = '';
    try {
      const extension = locateExtension(source, from);
      ({ version } = extension);
      for (const [file, hash] of extension.files) text.hashes.set(file, hash);
      extensions.push(
        options.sandbox === true
          ? await loadSandboxed(name, extension, optionsOf(options), sandbox)
          : await loadExtension(name, extension),
      );
    } catch (error) {
      const message = `the extension cannot be loaded: ${reasonOf(error)}`;
      problems.add([...path, 'source'], message, { cause: error });
    }
    // Those outside its folder too.
    for (const [file, hash] of importedBy(version)) if (!text.hashes.has(file)) text.hashes.set(file, hash);
  }
  const names = new Set(extensions.map(({ definition }) => definition.name));
  const all = [...own.filter(({ definition }) => !names.has(definition.name)), ...extensions];
  reportClashes(all, problems);
  return all;
}

/** Two plugins that answer to one word: which of them did would depend on the order they were loaded in. */
function reportClashes(plugins: readonly LoadedPlugin[], problems: Problems): void {
  const owners = new Map<string, string>();
  for (const { definition } of plugins) {
    const { name, apiField, groupField, backendField, section, dialects, offers } = definition;
    const claims = [...Object.keys(dialects ?? {}), name].map((type) => `the type "${type}"`);
    if (apiField !== undefined) claims.push(`the API field "${apiField}"`);
    if (groupField !== undefined) claims.push(`the group field "${groupField.name}"`);
    if (backendField !== undefined) claims.push(`the backend field "${backendField.name}"`);
    if (section !== undefined) claims.push(`the section "${section.name}"`);
    for (const token of offers ?? []) claims.push(`the service "${token.name}"`);
    for (const claim of claims) {
      const owner = owners.get(claim) ?? ownedByKernel.get(claim);
      if (owner !== undefined) {
        problems.add(['extensions', name], `${claim} belongs to ${owner} already`, { key: true });
      }
      owners.set(claim, `the plugin "${name}"`);
    }
  }
}

const ownedByKernel: ReadonlyMap<string, string> = new Map(
  [
    ...[...Object.keys(apiFields), 'request'].map((field) => `the API field "${field}"`),
    ...Object.keys(requestFields).map((field) => `the API field "${inRequest}${field}"`),
    'the backend field "type"',
    ...Object.keys(groupFields).map((field) => `the group field "${field}"`),
    ...[...Object.keys(rootFields), 'groups', 'apis'].map((section) => `the section "${section}"`),
  ].map((claim) => [claim, 'the kernel']),
);

/** What went wrong, and for a file that cannot be read as code, where: that stands above the stack. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it threw';
  const [, file, line] = /^(?:file:\/\/)?(\/[^?\n]+?)(?:\?\S*)?:(\d+)\n/.exec(error.stack ?? '') ?? [];
  return file === undefined ? error.message : `${decodeURI(file)}:${line}: ${error.message}`;
}
