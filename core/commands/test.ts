import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { UsageError } from './usage.ts';

/** Runs a plugin's tests with `tapgate/sdk` meaning this gateway's own, so that nothing need be installed beside them. */
export async function test(folders: readonly string[]): Promise<number> {
  const [folder] = folders;
  if (folder === undefined) throw new UsageError('test FOLDER: the folder of a plugin is missing');
  const resolver = fileURLToPath(new URL('../plugins/resolve-sdk.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', resolver, '--test'], { cwd: folder, stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
