import assert from 'node:assert/strict';
import { type BackendRequest, type RequestOptions, type TestGateway, testGateway } from '#sdk/testing';

/** An API under test: what is added to its request and to its backend. */
export interface Shape {
  readonly request?: Readonly<Record<string, unknown>>;
  readonly backend?: Readonly<Record<string, unknown>>;
}

function gatewayOf({ request = {}, backend = {} }: Shape): Promise<TestGateway> {
  return testGateway({
    config: {
      groups: { g: { domains: ['*'] } },
      apis: {
        'g/api': {
          request: { method: 'ANY', path: '/', match: 'prefix', ...request },
          auth: 'none',
          backend: { type: 'http', address: 'http://backend', ...backend },
        },
      },
    },
  });
}

export async function sent(
  shape: Shape,
  method: string,
  url: string,
  options?: RequestOptions,
): Promise<BackendRequest> {
  const gateway = await gatewayOf(shape);
  const answer = await gateway.request(method, url, options);
  const [request] = gateway.backendRequests;
  assert.equal(answer.status, 200, answer.text);
  assert.ok(request !== undefined);
  return request;
}

export async function refused(
  shape: Shape,
  method: string,
  url: string,
  options?: RequestOptions,
): Promise<string> {
  const gateway = await gatewayOf(shape);
  const answer = await gateway.request(method, url, options);
  assert.equal(answer.status, 400);
  assert.equal(gateway.backendRequests.length, 0);
  const body = answer.json() as { error_code: string; error_msg: string };
  assert.equal(body.error_code, 'APIG.0201');
  return body.error_msg;
}

export function problems(shape: Shape): Promise<string[]> {
  return gatewayOf(shape).then(
    () => assert.fail('the configuration was taken'),
    (error: unknown) =>
      (error as { problems: { path: string; message: string }[] }).problems.map(
        (each) => `${each.path}: ${each.message}`,
      ),
  );
}

export const url = ({ path, rawQuery }: BackendRequest): string =>
  rawQuery === '' ? path : `${path}?${rawQuery}`;
