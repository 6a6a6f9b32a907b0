import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, type RequestOptions, type TestGateway, testGateway } from '#sdk/testing';

interface Setting {
  /** Of the function `check`; one that lets in whoever has `x-token: let-me-in` unless given. */
  readonly source?: string;
  /** Of the authorizer `token`. */
  readonly options?: object;
  readonly authorizers?: object;
  readonly api?: object;
  readonly root?: object;
}

/** Lets in who says `let-me-in`; counts its calls, of which there is one at a time. */
const checkToken = `let calls = 0;
exports.handler = async (event) => {
  const token = event.headers['x-token'];
  const context = { user: 'alice', calls: String(calls += 1), token };
  return { statusCode: 200, body: JSON.stringify({ status: token.startsWith('let-me-in') ? 'allow' : 'deny', context }) };
};`;

/** A function that answers with what the test put into the header `x-answer`, as JSON. */
export const parrot = `let calls = 0;
exports.handler = async (event) => {
  const answer = JSON.parse(event.headers['x-answer'].replaceAll('CALLS', String(calls += 1)));
  return answer.huge ? { statusCode: 200, body: JSON.stringify({ status: 'allow', context: { huge: 'x'.repeat(answer.huge) } }) } : answer;
};`;

const parameters = ['user', 'calls', 'token'].map((key) => ({
  name: `x-${key}`,
  in: 'header',
  from: `authorizer.frontend.${key}`,
}));

export interface Asked extends TestGateway {
  /** Sends `GET /` with `x-token`. */
  ask(token: string, options?: RequestOptions): Promise<Answer>;
  /** Loads the same with another function or other options. */
  change(setting: Setting): Promise<void>;
}

/** A gateway whose API `g/api`, at `/`, asks the authorizer `token`. */
export async function gatewayOf(
  t: { after(work: () => Promise<void>): void },
  setting: Setting = {},
): Promise<Asked> {
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-authorizer-'));
  t.after(() => Promise.resolve(rmSync(folder, { recursive: true })));
  const gateway = await testGateway({ config: configOf(folder, setting) });
  t.after(() => gateway.close());
  return {
    ...gateway,
    ask: (token, options = {}) =>
      gateway.request('GET', '/', { ...options, headers: { 'x-token': token, ...options.headers } }),
    change: (another) => gateway.reload(configOf(folder, { ...setting, ...another })),
  };
}

function configOf(folder: string, { source = checkToken, options, authorizers, api, root }: Setting) {
  writeFileSync(join(folder, 'check.js'), source);
  const check = {
    source: join(folder, 'check.js'),
    timeoutMs: 20_000,
    memoryMb: 64,
    warm: false,
    concurrency: 1,
  };
  return {
    groups: { g: { domains: ['*'] } },
    functions: { check },
    authorizers: { token: tokenOf(options), ...authorizers },
    apis: { 'g/api': apiOf('/', api) },
    ...root,
  };
}

export function tokenOf(options: object = {}): object {
  const identities = [{ in: 'header', name: 'X-Token' }];
  return { type: 'frontend', function: 'check', identities, ...options };
}

export function apiOf(path: string, fields: object = {}): object {
  return {
    request: { method: 'ANY', path },
    auth: { type: 'custom', authorizer: 'token' },
    backend: { type: 'http', address: 'http://backend', parameters },
    ...fields,
  };
}

/** The header fields that the backend got, of an answer of the echo behind the gateway. */
export function echoed(answer: Answer): Record<string, string | undefined> {
  return (answer.json() as { headers: Record<string, string> }).headers;
}

export function codeOf(answer: Answer): [status: number, code: unknown] {
  return [answer.status, (answer.json() as { error_code?: unknown }).error_code];
}
