import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import { AddressSet, readRange } from './address-set.ts';

/** Numbers that look random and are the same in every run. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function ranges(texts: readonly string[]) {
  return texts.map((text) => {
    const range = readRange(text);
    if (typeof range === 'string') throw new Error(`${text}: ${range}`);
    return range;
  });
}

function ipv4(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

test('agrees with node:net about blocks and ranges that overlap, IPv4', () => {
  const next = sequence(7);
  // Few distinct high bits, so that blocks and ranges do overlap and callers do hit them.
  const random = () => ((next(4) << 24) | (next(4) << 16) | (next(256) << 8) | next(256)) >>> 0;
  for (let round = 0; round < 50; round += 1) {
    const list = new BlockList();
    const texts: string[] = [];
    for (let count = 0; count < 40; count += 1) {
      const [low = 0, high = 0] = [random(), random()].sort((a, b) => a - b);
      const bits = 12 + next(21);
      if (count % 2 === 0) {
        list.addSubnet(ipv4(low), bits, 'ipv4');
        texts.push(`${ipv4(low)}/${bits}`);
      } else {
        const end = Math.min(high, low + next(70_000));
        list.addRange(ipv4(low), ipv4(end), 'ipv4');
        texts.push(`${ipv4(low)}-${ipv4(end)}`);
      }
    }
    const set = new AddressSet(ranges(texts));
    for (let count = 0; count < 400; count += 1) {
      const address = ipv4(random());
      assert.equal(set.has(address), list.check(address, 'ipv4'), `${address} in ${texts.join(' ')}`);
    }
  }
});

test('agrees with node:net about blocks and ranges that overlap, IPv6', () => {
  const next = sequence(11);
  const random = () =>
    Array.from({ length: 8 }, (_, index) => (index < 6 ? next(3) : next(0x10000)).toString(16)).join(':');
  for (let round = 0; round < 50; round += 1) {
    const list = new BlockList();
    const texts: string[] = [];
    for (let count = 0; count < 30; count += 1) {
      const address = random();
      const bits = 1 + next(128);
      list.addSubnet(address, bits, 'ipv6');
      texts.push(`${address}/${bits}`);
    }
    const set = new AddressSet(ranges(texts));
    for (let count = 0; count < 300; count += 1) {
      const address = random();
      assert.equal(set.has(address), list.check(address, 'ipv6'), `${address} in ${texts.join(' ')}`);
    }
  }
});

test('everything and nothing', () => {
  const all = new AddressSet(ranges(['0.0.0.0/0', '::/0']));
  for (const address of ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']) {
    assert.equal(all.has(address), true, address);
  }
  const ipv6Only = new AddressSet(ranges(['::/0']));
  assert.equal(ipv6Only.has('192.0.2.1'), false);
  assert.equal(new AddressSet([]).has('192.0.2.1'), false);
});

test('the same addresses written as IPv4 and as IPv4-mapped', () => {
  for (const text of [
    '::ffff:192.0.2.0/120',
    '::ffff:192.0.2.0-::ffff:192.0.2.255',
    '192.0.2.0-::ffff:c000:2ff',
  ]) {
    const set = new AddressSet(ranges([text]));
    assert.equal(set.has('192.0.2.200'), true, text);
    assert.equal(set.has('::ffff:c000:2c8'), true, text);
    assert.equal(set.has('192.0.3.0'), false, text);
  }
});
