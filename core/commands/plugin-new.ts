import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describeAllowed } from '../config/problems.ts';
import { loadOwnPlugins } from '../plugins/registry.ts';
import { UsageError } from './usage.ts';

const template = new URL('../../examples/new-plugin/', import.meta.url);
const templateName = 'new-plugin';
const files = ['plugin.ts', 'plugin.test.ts', 'README.md'];

/** Writes a plugin that works, with a test that passes, and says how to go on. */
export async function pluginNew(
  [verb, name, ...more]: readonly string[],
  dir: string | undefined,
): Promise<number> {
  if (verb !== 'new') throw new UsageError(`plugin "${verb ?? ''}"; ${describeAllowed(['new'], verb ?? '')}`);
  if (name === undefined) throw new UsageError('plugin new NAME: the name is missing');
  if (more.length > 0)
    throw new UsageError(`plugin new NAME: one name, found "${[name, ...more].join(' ')}"`);
  const wrong = await problemOf(name);
  if (wrong !== undefined) throw new UsageError(`plugin new "${name}": ${wrong}`);
  const folder = join(dir ?? '.', name);
  if (existsSync(folder))
    throw new UsageError(`plugin new: "${folder}" is there already; nothing was written`);
  // Read first: what is half written would stand in the way of the next try.
  const texts = files.map((file) => readFileSync(new URL(file, template), 'utf8'));
  try {
    mkdirSync(folder, { recursive: true });
    for (const [index, file] of files.entries())
      writeFileSync(join(folder, file), (texts[index] ?? '').replaceAll(templateName, name), { flag: 'wx' });
  } catch (error) {
    throw new UsageError(`plugin new: "${folder}" cannot be written: ${(error as Error).message}`);
  }
  process.stdout.write(nextSteps(name, folder));
  return 0;
}

async function problemOf(name: string): Promise<string | undefined> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 64)
    return 'a plugin name is words in lower case joined by hyphens, 64 characters at most';
  if (/^(?:null|true|false)$/.test(name)) return 'YAML takes that for a value and not for a name';
  if (/^(?:auth|backend)-/.test(name)) {
    const kind = name.startsWith('auth-') ? 'an authenticator' : 'a backend';
    return `a name like this makes it ${kind}, which is another beginning: see plugins/auth-none and plugins/backend-mock`;
  }
  const own = await loadOwnPlugins();
  if (own.some(({ definition }) => definition.name === name))
    return 'a plugin of the gateway is called that; an extension needs a name of its own';
  return undefined;
}

function nextSteps(name: string, folder: string): string {
  const path = relative('', folder);
  const source = path.startsWith('.') || path.startsWith('/') ? path : `./${path}`;
  return `${folder} has a plugin, its test and its page.

Run its test:    tapgate test ${folder}
Bind it, in gateway.yaml (the source is seen from the folder of the file):

extensions:
  ${name}: { source: ${JSON.stringify(source)} }
plugins:
  mine: { type: ${name}, config: {} }
bindings:
  - { plugin: mine, apis: ['*'] }

Write it while it runs:    tapgate dev --config gateway.yaml
`;
}
