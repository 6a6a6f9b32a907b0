import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { type Kind, type Results, type Suite, openSuite, runClient, startOrigin } from './suite.ts';

/*
 * Runs the public suite for HTTP caches (https://github.com/http-tests/cache-tests) against a gateway with the plugin
 * `caching`, and counts as the suite does: `node test/cache-tests/run.ts FOLDER`. See plugins/caching/README.md.
 */

/** What is bound: the defaults, but answers that set cookies are stored, as RFC 9111 has it. */
const options = { storeSetCookie: true };

const kinds: readonly Kind[] = ['required', 'optimal', 'check'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { id: { type: 'string', default: '' }, out: { type: 'string' } },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('usage: node test/cache-tests/run.ts FOLDER [--id TEST] [--out results.json]');
  process.exit(2);
}

const suite = await openSuite(resolve(folder));
const results = await measure(suite, values.id);
if (typeof results === 'string') console.log(results);
else {
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`);
  report(suite, results);
}

async function measure({ folder: home }: Suite, id: string): Promise<Results | string> {
  const scratch = mkdtempSync(join(tmpdir(), 'tapgate-cache-tests-'));
  try {
    using origin = await startOrigin(home, join(scratch, 'pid'));
    const gateway = new Gateway({ log: { info: () => undefined, warn: console.warn, error: console.error } });
    try {
      const config = configOf(`http://127.0.0.1:${origin.port}`);
      await gateway.apply(readConfigText({ 'gateway.yaml': JSON.stringify(config) }, {}), { listen: true });
      return await runClient(home, `http://127.0.0.1:${gateway.listeners[0]?.port}`, id);
    } finally {
      await gateway.close();
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The suite's own addresses pass by; what it tests goes through the cache. */
function configOf(address: string): object {
  const api = (path: string) => ({
    request: { method: 'ANY', path, match: 'prefix' },
    auth: 'none',
    backend: { type: 'http', address, timeoutMs: 10_000 },
  });
  return {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    throttling: { defaultPerSecond: 0 },
    groups: { suite: { domains: ['*'] } },
    apis: { 'suite/others': api('/'), 'suite/tests': api('/test') },
    plugins: { cache: { type: 'caching', config: options } },
    bindings: [{ plugin: 'cache', apis: ['suite/tests'] }],
  };
}

function report(given: Suite, found: Results): void {
  for (const kind of kinds) {
    console.log(`\n${kind}`);
    for (const { id } of ofKind(given, kind)) {
      const mark = given.markOf(id, found);
      const result = found[id];
      const why = result === true || result === undefined ? '' : `  ${result[1]}`;
      if (mark !== 'pass' && mark !== 'yes') console.log(`  ${mark.padEnd(16)}${id}${why}`);
    }
  }
  console.log('\n                    passed, of            passed with all they depend on');
  line('tapgate', given, found);
  for (const [name, stored] of Object.entries(given.stored)) line(name, given, stored);
}

function ofKind({ tests }: Suite, kind: Kind) {
  return tests.filter((each) => (each.kind ?? 'required') === kind);
}

function line(name: string, given: Suite, found: Results): void {
  const columns = [
    (id: string) => found[id] === true,
    (id: string) => /^(?:pass|yes)$/.test(given.markOf(id, found)),
  ];
  const counts = columns.map((isPassed) =>
    kinds
      .map((kind) => {
        const tests = ofKind(given, kind);
        return `${tests.filter(({ id }) => isPassed(id)).length}/${tests.length}`.padStart(8);
      })
      .join(''),
  );
  console.log(`${name.padEnd(16)}${counts.join('    ')}`);
}
