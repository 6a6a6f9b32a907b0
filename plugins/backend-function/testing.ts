import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestGateway, testGateway } from '#sdk/testing';

/** A gateway with one function, `f`, behind `/api/{name}` and all below it. */
export async function gatewayOf(
  t: { after(work: () => Promise<void>): void },
  source: string,
  more: { readonly backend?: object; readonly options?: object; readonly request?: object } = {},
): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-function-'));
  writeFileSync(join(folder, 'f.js'), source);
  const gateway = await testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      functions: {
        f: { source: join(folder, 'f.js'), timeoutMs: 20_000, memoryMb: 64, warm: false, ...more.options },
      },
      apis: {
        'g/api': {
          request: { method: 'ANY', path: '/api/{name}', ...more.request },
          auth: 'none',
          backend: { type: 'function', function: 'f', ...more.backend },
        },
      },
    },
  });
  t.after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });
  return gateway;
}
