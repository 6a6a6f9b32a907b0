import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { type Answer, type Caller, protocols } from './support/caller.ts';
import { type Shop, shopYaml, startShop } from './support/shop.ts';

/* The acceptance configuration line by line: what nobody has to prove who they are for. `calling-callers` has the rest. */

test('the configuration is the one that was agreed on, byte for byte', () => {
  const digest = createHash('sha256').update(shopYaml).digest('hex');
  assert.equal(digest, '3e75bb6e599c4a9372211aee7af9077e8b3bc712fa8bfb34578fde233d5558df');
});

const acme = { headers: { 'x-tenant': 'acme' } };
const uuid = /^[0-9a-f-]{36}$/;

/** What a backend got of the last request: which it was, the line, and the fields that the configuration speaks of. */
function last(shop: Shop) {
  const one = shop.seen.at(-1);
  assert.ok(one !== undefined, 'a backend was called');
  const { backend, request } = one;
  const values = (name: string): string => request.values(name).join();
  return { backend, line: `${request.method} ${request.url}`, values };
}

const refusal = (code: string, message: string) => ({ error_code: code, error_msg: message });

for (const protocol of protocols) {
  suite(`get-order over ${protocol}`, () => {
    test('parameters, variables and what they are mapped to, in RELEASE', async () => {
      await using shop = await startShop();
      const headers = {
        'x-tenant': 'acme',
        'x-caller-ip': 'forged',
        'order-id': 'forged',
        'X-Other': 'stays',
      };
      const answer = await shop.caller(protocol).call('GET', '/orders/42', { headers });
      assert.deepEqual([answer.status, answer.text], [200, 'release']);
      const { backend, line, values } = last(shop);
      assert.equal(backend, 'release');
      assert.equal(line, 'GET /v1/acme/orders?page=1&source=%5Bapig%5D');
      assert.equal(values('order-id'), '42');
      assert.equal(values('x-caller-ip'), '127.0.0.1');
      assert.equal(values('x-stage-name'), 'RELEASE');
      assert.equal(values('x-other'), 'stays');
      assert.equal(values('x-tenant'), '', 'a mapped parameter goes where it is mapped to');
      assert.equal(values('host'), `127.0.0.1:${shop.release.port}`);
    });

    test('X-Stage chooses the environment, its variables with it', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const staged = (stage: string, tenant = 'acme') => ({
        headers: { 'x-tenant': tenant, 'X-Stage': stage },
      });
      assert.equal((await caller.call('GET', '/orders/42?page=7&q=a%20b', staged('TEST'))).text, 'staging');
      const { line, values } = last(shop);
      assert.equal(line, 'GET /v2/acme/orders?q=a%20b&page=7&source=%5Bapig%5D');
      assert.equal(values('x-stage-name'), 'TEST');
      assert.equal((await caller.call('GET', '/orders/42', staged('RELEASE'))).text, 'release');
      for (const stage of ['test', 'PROD', '']) {
        const answer = await caller.call('GET', '/orders/42', staged(stage));
        assert.equal(answer.status, 404, stage);
      }
      // Not published there.
      assert.equal((await caller.call('GET', '/health', staged('TEST'))).status, 404);
    });

    test('values are encoded for the place they are put into', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const tenant = 'a/b [c]?#%^{}d';
      assert.equal(
        (await caller.call('GET', '/orders/a%2Fb', { headers: { 'x-tenant': tenant } })).status,
        200,
      );
      const { line, values } = last(shop);
      assert.equal(line, 'GET /v1/a%2Fb%20%5Bc%5D%3F%23%25%5E%7B%7Dd/orders?page=1&source=%5Bapig%5D');
      assert.equal(values('order-id'), 'a/b');
      assert.equal((await caller.call('GET', '/orders/1', { headers: { 'x-tenant': '..' } })).status, 400);
    });

    test('what breaks the rules of a parameter is told by name and rule, and reaches no backend', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      for (const [target, headers, words] of [
        ['/orders/1234567890123', acme.headers, 'orderId in path must have at most 12 characters'],
        ['/orders/42', {}, 'x-tenant in header is required'],
        ['/orders/42?page=0', acme.headers, 'page in query must be at least 1'],
        ['/orders/42?page=101', acme.headers, 'page in query must be at most 100'],
        ['/orders/42?page=one', acme.headers, 'page in query must be a number'],
      ] as const) {
        const answer = await caller.call('GET', target, { headers });
        const { request_id: requestId, ...told } = answer.json();
        assert.equal(answer.status, 400, target);
        assert.deepEqual(told, refusal('APIG.0201', `API request error: the parameter ${words}.`));
        assert.equal(requestId, answer.get('x-request-id'));
      }
      for (const target of ['/orders/123456789012', '/orders/42?page=1', '/orders/42?page=100'])
        assert.equal((await caller.call('GET', target, acme)).status, 200, target);
      assert.equal(shop.seen.length, 3);
    });

    test('the policy vip: gold and platinum, from this machine, at the other backend', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      for (const tenant of ['gold', 'platinum']) {
        await caller.call('GET', '/orders/42', { headers: { 'x-tenant': tenant } });
        const { backend, line, values } = last(shop);
        assert.deepEqual([backend, line], ['staging', 'GET /vip?page=1']);
        // A policy's backend has its own parameters; what is mapped by the API's own backend is not.
        assert.equal(values('order-id'), '');
        assert.equal(values('x-tenant'), tenant);
      }
      for (const tenant of ['Gold', 'gold,platinum', 'silver'])
        assert.equal(
          (await caller.call('GET', '/orders/42', { headers: { 'x-tenant': tenant } })).text,
          'release',
        );
    });

    test('`match: all` asks for the address too, `any` does not', async () => {
      const elsewhere = ['value: "127.0.0.0/8"', 'value: "127.0.0.2"'] as const;
      for (const [match, fromHere, fromThere] of [
        ['all', 'release', 'staging'],
        ['any', 'staging', 'staging'],
      ] as const) {
        await using shop = await startShop({ replace: [elsewhere, ['match: all ', `match: ${match} `]] });
        const call = { headers: { 'x-tenant': 'gold' } };
        assert.equal((await shop.caller(protocol).call('GET', '/orders/1', call)).text, fromHere, match);
        const there = shop.caller(protocol, '127.0.0.2');
        assert.equal((await there.call('GET', '/orders/1', call)).text, fromThere, match);
        const other = await there.call('GET', '/orders/1', acme);
        assert.equal(other.text, match === 'any' ? 'staging' : 'release');
      }
    });

    test('over 200 calls a second: 429 as the response `friendly` says', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const answers = await Promise.all(
        Array.from({ length: 205 }, () => caller.call('GET', '/orders/42', acme)),
      );
      const refused = answers.filter(({ status }) => status === 429);
      assert.equal(refused.length, 5);
      for (const answer of refused) {
        assert.deepEqual(answer.json(), {
          errorcode: 'APIG.0308',
          errormsg:
            'The throttling threshold has been reached: policy api over ratelimit,limit:200,time:1 second',
          requestid: answer.get('x-request-id'),
          apiId: 'shop/get-order',
        });
        assert.deepEqual(answer.getAll('retry-after'), ['1']);
      }
      shop.clock.advance(1000);
      assert.equal((await caller.call('GET', '/orders/42', acme)).status, 200);
    });
  });

  suite(`the other paths over ${protocol}`, () => {
    test('files: any method, the rest of the path as it was sent', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      for (const [method, target, line] of [
        ['GET', '/files/AA/CC', 'GET /static/AA/CC'],
        ['DELETE', '/files/', 'DELETE /static/'],
        ['PUT', '/files/a%2Fb/%C3%A9/?x=1&y', 'PUT /static/a%2Fb/%C3%A9/?x=1&y'],
      ] as const) {
        assert.equal((await caller.call(method, target)).status, 200, target);
        assert.equal(last(shop).line, line);
      }
      for (const target of ['/files', '/filesAA', '/Files/AA'])
        assert.equal((await caller.call('GET', target)).status, 404, target);
      for (const target of ['/files/../admin', '/files/a/%2e%2e/b', '/files/%2E%2e%2fadmin'])
        assert.equal((await caller.call('GET', target)).status, 400, target);
      assert.equal(shop.seen.length, 3);
    });

    test('catalog: one segment or more', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      for (const rest of ['a', 'a/b/c', 'a%2Fb/%C3%A9']) {
        assert.equal((await caller.call('GET', `/catalog/${rest}`)).status, 200, rest);
        assert.equal(last(shop).line, `GET /catalog/${rest}`);
      }
      for (const target of ['/catalog', '/catalog/'])
        assert.equal((await caller.call('GET', target)).status, 404);
      assert.equal((await caller.call('POST', '/catalog/a')).status, 404);
    });

    test('health: a mock that pages of every origin may read (guide 3.2.2, simple request)', async () => {
      await using shop = await startShop();
      const headers = {
        Origin: 'http://www.cors.com',
        'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
        Accept: 'application/json',
        Date: 'Tue, 15 Jan 2019 01:25:52 GMT',
      };
      const answer = await shop.caller(protocol).call('GET', '/health', { headers });
      assert.deepEqual([answer.status, answer.text], [200, '{"status":"200"}']);
      assert.deepEqual(told(answer), [
        'Access-Control-Allow-Origin: *',
        'Content-Length: 16',
        'Content-Type: application/json',
        'Server: api-gateway',
      ]);
    });

    test('preflight: OPTIONS of every path (guide 3.2.2, not-so-simple request)', async () => {
      await using shop = await startShop();
      const headers = {
        'User-Agent': 'curl/7.29.0',
        Accept: '*/*',
        Origin: 'http://www.cors.com',
        'Access-Control-Request-Method': 'PUT',
        'Access-Control-Request-Headers': 'X-Sdk-Date',
      };
      for (const target of ['/', '/orders/42', '/health']) {
        const answer = await shop.caller(protocol).call('OPTIONS', target, { headers });
        assert.deepEqual([answer.status, answer.text], [200, ''], target);
        assert.deepEqual(
          told(answer).filter((line) => !line.startsWith('Content-')),
          [
            'Access-Control-Allow-Headers: X-Stage,X-Sdk-Date,X-Sdk-Nonce,X-Proxy-Signed-Headers,X-Sdk-Content-Sha256,X-Forwarded-For,Authorization,Content-Type,Accept,Accept-Ranges,Cache-Control,Range',
            'Access-Control-Allow-Methods: GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH',
            'Access-Control-Allow-Origin: *',
            'Access-Control-Expose-Headers: X-Request-Id,X-Apig-Latency,X-Apig-Upstream-Latency,X-Apig-RateLimit-Api,X-Apig-RateLimit-User,X-Apig-RateLimit-App,X-Apig-RateLimit-Ip,X-Apig-RateLimit-Api-Allenv',
            'Access-Control-Max-Age: 172800',
            'Server: api-gateway',
          ],
        );
      }
      assert.equal(shop.seen.length, 0);
    });

    test('limited: five a minute from one address, ten from all', async () => {
      await using shop = await startShop();
      const here = shop.caller(protocol);
      const there = shop.caller(protocol, '127.0.0.2');
      const elsewhere = shop.caller(protocol, '127.0.0.3');
      const admitted = async (caller: Caller) => {
        const answers = await Promise.all(Array.from({ length: 8 }, () => caller.call('GET', '/limited')));
        for (const answer of answers.filter((each) => each.status !== 200)) {
          assert.equal(answer.status, 429);
          assert.equal(answer.json()['errorcode'], 'APIG.0308');
          assert.equal(answer.json()['apiId'], 'shop/limited');
        }
        return answers.filter(({ status }) => status === 200).length;
      };
      for (let minute = 0; minute < 2; minute += 1) {
        assert.equal(await admitted(here), 5);
        assert.equal(await admitted(there), 5);
        assert.equal(await admitted(elsewhere), 0);
        shop.clock.advance(60_000);
      }
    });

    test('the debug subdomain: 1000 calls a day, and the domain of our own as many as it likes', async () => {
      await using shop = await startShop();
      const caller = shop.caller(protocol);
      const debug = { host: '1a2b3c.debug.example' };
      let admitted = 0;
      for (let second = 0; second < 11; second += 1) {
        const answers = await Promise.all(
          Array.from({ length: 100 }, () => caller.call('GET', '/health', debug)),
        );
        admitted += answers.filter(({ status }) => status === 200).length;
        shop.clock.advance(1000);
      }
      assert.equal(admitted, 1000);
      const answer = await caller.call('GET', '/catalog/a', debug);
      assert.equal(answer.status, 429);
      const words =
        'The throttling threshold has been reached: policy domain over ratelimit,limit:1000,time:1 day';
      const { request_id: requestId, ...said } = answer.json();
      assert.deepEqual(said, refusal('APIG.0308', words));
      assert.match(String(requestId), uuid);
      assert.equal((await caller.call('GET', '/health')).status, 200);
      shop.clock.advance(86_400_000);
      assert.equal((await caller.call('GET', '/health', debug)).status, 200);
    });

    test('what is no domain of the group is not found', async () => {
      await using shop = await startShop();
      const answer = await shop.caller(protocol).call('GET', '/health', { host: 'shop.example' });
      assert.equal(answer.status, 404);
      assert.equal(answer.json()['error_code'], 'APIG.0101');
    });
  });
}

/** Fields of an answer, spelt as in HTTP/1.1, without what differs from answer to answer. */
function told(answer: Answer): string[] {
  assert.match(answer.get('date') ?? '', /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
  assert.match(answer.get('x-request-id') ?? '', uuid);
  const spelt = (name: string): string => name.replace(/(?:^|-)[a-z]/g, (letters) => letters.toUpperCase());
  return answer.headers
    .filter(([name]) => !/^(?:date|x-request-id|connection|keep-alive)$/i.test(name))
    .map(([name, value]) => `${spelt(name)}: ${value}`)
    .sort();
}
