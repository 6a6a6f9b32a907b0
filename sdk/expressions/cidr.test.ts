import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { suite, test } from 'node:test';
import { contains, parseAddress, parseBlock } from './cidr.ts';
import { randomNumbers } from './random-numbers.ts';

function isIn(address: string, block: string): boolean {
  const parsed = parseAddress(address);
  const range = parseBlock(block);
  assert.ok(parsed !== undefined, address);
  assert.ok(range !== undefined, block);
  return contains(range, parsed);
}

const cases: [address: string, block: string, isIn: boolean][] = [
  ['203.0.113.9', '203.0.113.0/24', true],
  ['203.0.114.9', '203.0.113.0/24', false],
  ['203.0.113.9', '203.0.113.9', true],
  ['203.0.113.8', '203.0.113.9/32', false],
  ['10.200.3.4', '10.0.0.7/8', true],
  ['255.255.255.255', '0.0.0.0/0', true],
  ['192.168.127.255', '192.168.64.0/18', true],
  ['192.168.128.0', '192.168.64.0/18', false],
  ['2001:db8::1', '2001:db8::/32', true],
  ['2001:db9::1', '2001:db8::/32', false],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1', true],
  ['fe80::1%eth0', 'fe80::/10', true],
  ['febf::1', 'fe80::/10', true],
  ['fec0::1', 'fe80::/10', false],
  ['::', '::/128', true],
  ['::1', '::/127', true],
  ['::2', '::/127', false],
  ['::ffff:203.0.113.9', '203.0.113.0/24', true],
  ['::ffff:cb00:7109', '203.0.113.0/24', true],
  ['203.0.113.9', '::ffff:203.0.113.0/120', true],
  ['203.0.114.9', '::ffff:203.0.113.0/120', false],
  ['203.0.113.9', '::ffff:0:0/96', true],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:200/120', true],
  ['203.0.113.9', '::/0', false],
  ['::ffff:203.0.113.9', '::/0', false],
  ['::1', '0.0.0.0/0', false],
];

/** Separated by blanks; the ones with a blank follow. */
const noAddress = [
  'localhost 1.2.3 1.2.3.4.5 1.2.3.256 01.2.3.4 1.2.3.4:80 0x1.2.3.4 1.2.3.4%eth0 1.2.3.4/8 1.2.3.4:: ',
  ': ::: 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1::2::3 12345:: g:: [::1] ::1% %eth0 ::1.2.3.4:5 ::1.2.3 ',
  '1:2:3:4:5:6:7::8 1111111111111111 1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa',
].join('');

const noBlock = [
  '/ /8 1.2.3.4/ 1.2.3.4/33 1.2.3.4/-1 1.2.3.4/08 1.2.3.4/8/8 1.2.3.4/255.0.0.0 10/8 1.2.3.* ',
  '::/129 ::/ fe80::1%eth0/64 1.2.3.0-1.2.3.9',
].join('');

suite('CIDR blocks', () => {
  for (const [address, block, expected] of cases) {
    test(`${address} ${expected ? 'is' : 'is not'} in ${block}`, () =>
      assert.equal(isIn(address, block), expected));
  }

  for (const text of [...noAddress.split(' '), '', ' ', '1.2.3.4 ']) {
    test(`${JSON.stringify(text)} is no address`, () => assert.equal(parseAddress(text), undefined));
  }

  for (const text of [...noBlock.split(' '), '', '10.0.0.0 /8']) {
    test(`${JSON.stringify(text)} is no block`, () => assert.equal(parseBlock(text), undefined));
  }

  test('agrees with node:net on random texts and blocks', () => {
    const random = randomNumbers(20_261_120);
    const below = (limit: number) => Math.floor(random() * limit);
    const alphabet = ['0', '1', 'f', '25', '::', ':', ':', '.', '.', 'ffff', '1.2.3.4'];
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + below(15) }, () => alphabet[below(alphabet.length)]).join('');
      assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0, text);
    }
    for (let round = 0; round < 2000; round++) {
      const isFour = random() < 0.5;
      const make = () =>
        isFour
          ? Array.from({ length: 4 }, () => below(3)).join('.')
          : Array.from({ length: 8 }, () => below(3).toString(16)).join(':');
      const [address, network, bits] = [make(), make(), below(isFour ? 33 : 129)];
      const list = new BlockList();
      list.addSubnet(network, bits, isFour ? 'ipv4' : 'ipv6');
      const expected = list.check(address, isFour ? 'ipv4' : 'ipv6');
      assert.equal(isIn(address, `${network}/${bits}`), expected, `${address} ${network}/${bits}`);
    }
  });
});
