import { spawn } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { UsageError } from './usage.ts';

/** Runs a plugin's tests with `tapgate/sdk` meaning this gateway's own, so that nothing need be installed beside them. */
export async function test(folders: readonly string[]): Promise<number> {
  const [folder] = folders;
  if (folder === undefined) throw new UsageError('test FOLDER: the folder of a plugin is missing');
  const isThere = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isThere) throw new UsageError(`test FOLDER: there is no folder "${folder}"`);
  // Node itself calls a run of no tests a success.
  const files = globSync('**/*.test.{ts,js,mjs}', { cwd: folder, exclude: ['**/node_modules/**'] });
  if (files.length === 0) throw new UsageError(`test FOLDER: there is no *.test.ts in "${folder}"`);
  const resolver = fileURLToPath(new URL('../plugins/resolve-sdk.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', resolver, '--test', ...files], {
    cwd: folder,
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
