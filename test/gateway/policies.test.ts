import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpBackend } from './support/backend.ts';
import { startGateway } from './support/gateway.ts';
import { exchangeRaw } from './support/raw-client.ts';

const get = (path: string, tenant: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: api.shop.example\r\nx-tenant: ${tenant}\r\n\r\n`;

/** An order of a shop, where some tenants have a backend of their own when they call from this machine. */
function getOrder(address: string, vipAddress: string, near: string) {
  return {
    request: {
      protocol: 'both',
      method: 'GET',
      path: '/orders/{orderId}',
      parameters: [
        { name: 'orderId', in: 'path', type: 'string', required: true, maxLength: 12 },
        { name: 'x-tenant', in: 'header', type: 'string', required: true },
        { name: 'page', in: 'query', type: 'number', minimum: 1, maximum: 100, default: 1 },
      ],
    },
    auth: 'none',
    backend: {
      type: 'http',
      address,
      method: 'GET',
      path: '/v1/{tenant}/orders',
      parameters: [
        { name: 'tenant', in: 'path', from: 'request.x-tenant' },
        { name: 'order-id', in: 'header', from: 'request.orderId' },
        { name: 'page', in: 'query', from: 'request.page' },
      ],
    },
    policies: [
      {
        name: 'vip',
        match: 'all',
        conditions: [
          { source: 'parameter', parameter: 'x-tenant', type: 'enum', value: 'gold,platinum' },
          { source: 'ip', value: near },
        ],
        backend: { type: 'http', address: vipAddress, path: '/vip' },
      },
    ],
  };
}

test('a policy on a header and the address of the connection chooses the backend', async () => {
  await using own = await httpBackend();
  await using vip = await httpBackend();
  const [ownAddress, vipAddress] = [own, vip].map(({ port }) => `http://127.0.0.1:${port}`);
  const order = (near: string) => getOrder(ownAddress ?? '', vipAddress ?? '', near);
  await using near = await startGateway({ 'main/get-order': order('127.0.0.0/8, ::1') });
  await using far = await startGateway({ 'main/get-order': order('192.0.2.0/24,2001:db8::/32') });
  const sent = async (port: number, path: string, tenant: string): Promise<(string | undefined)[]> => {
    const before = { own: own.seen.length, vip: vip.seen.length };
    const { status } = await exchangeRaw(port, get(path, tenant));
    return [String(status), own.seen[before.own]?.url, vip.seen[before.vip]?.url];
  };
  assert.deepEqual(await sent(near.port, '/orders/42', 'gold'), ['200', undefined, '/vip?page=1']);
  assert.deepEqual(await sent(near.port, '/orders/42?page=3', 'platinum'), ['200', undefined, '/vip?page=3']);
  assert.deepEqual(await sent(near.port, '/orders/42', 'Gold'), ['200', '/v1/Gold/orders?page=1', undefined]);
  assert.deepEqual(await sent(near.port, '/orders/42', 'basic'), [
    '200',
    '/v1/basic/orders?page=1',
    undefined,
  ]);
  assert.deepEqual(await sent(far.port, '/orders/42', 'gold'), ['200', '/v1/gold/orders?page=1', undefined]);
  // What is no order is nobody's, whoever asks.
  assert.deepEqual(await sent(near.port, '/orders/1234567890123', 'gold'), ['400', undefined, undefined]);
  assert.deepEqual(vip.seen[0]?.values('x-tenant'), ['gold']);
});
