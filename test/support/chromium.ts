import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

/** How long a browser may take for one thing: the machine may be busy. */
const longestMs = 45_000;

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser of a test, with a profile of its own, that believes every certificate. */
export async function startChromium(): Promise<{ readonly context: BrowserContext } & AsyncDisposable> {
  const executablePath = chromiumPath();
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-chromium-'));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: flags,
    ignoreHTTPSErrors: true,
    timeout: longestMs,
  });
  context.setDefaultTimeout(longestMs);
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** On the PATH, else installed from Debian's package. */
const install =
  'chromium --version || { apt-get update && apt-get install -y --no-install-recommends chromium; }';

/** The one in the environment variable CHROMIUM_PATH, else on the PATH. */
function chromiumPath(): string {
  const named = process.env['CHROMIUM_PATH'];
  if (named !== undefined && named !== '') return named;
  if (find() === undefined && process.getuid?.() === 0)
    // One of the test files at a time; the others then find it there.
    execFileSync('flock', [join(tmpdir(), 'tapgate-install.lock'), 'sh', '-c', install], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  const found = find();
  if (found !== undefined) return found;
  throw new Error('this test needs Chromium: install the package chromium, or set CHROMIUM_PATH');
}

function find(): string | undefined {
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
