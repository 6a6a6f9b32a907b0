import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { VirtualClock } from '#sdk/testing';
import { readConfigText } from '../../../core/config/read.ts';
import { Gateway } from '../../../core/gateway.ts';
import { type Backend, httpBackend } from './backend.ts';
import { type Caller, type Protocol, callerOf } from './caller.ts';

/** The acceptance configuration, as it stands. */
export const shopYaml = readFileSync(
  new URL('../../../examples/calling/gateway.yaml', import.meta.url),
  'utf8',
);

/** The gateway of `examples/calling`, listening, and the two backends it names. */
export interface Shop extends AsyncDisposable {
  /** Stands until a test moves it: what is counted within a period does not depend on how fast a test runs. */
  readonly clock: VirtualClock;
  /** 127.0.0.1:9201 of the file. */
  readonly release: Backend;
  /** 127.0.0.1:9202 of the file. */
  readonly staging: Backend;
  /** What went to either, in order. */
  readonly seen: readonly {
    readonly backend: 'release' | 'staging';
    readonly request: Backend['seen'][number];
  }[];
  readonly plainPort: number;
  readonly securePort: number;
  /** @param from the address to call from; 127.0.0.1 unless given */
  caller(protocol: Protocol, from?: string): Caller;
}

export interface Change {
  /** Text of the file, and what stands there instead. */
  readonly replace?: readonly (readonly [text: string, by: string])[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts it with ports of the system's choice; nothing else is changed unless a test says so. */
export async function startShop({ replace = [], env = {} }: Change = {}): Promise<Shop> {
  const seen: { backend: 'release' | 'staging'; request: Backend['seen'][number] }[] = [];
  const backendOf = (backend: 'release' | 'staging') =>
    httpBackend((_request, response, request) => {
      seen.push({ backend, request });
      response.end(backend);
    });
  const [release, staging] = await Promise.all([backendOf('release'), backendOf('staging')]);
  const clock = new VirtualClock();
  const silent = () => undefined;
  const gateway = new Gateway({ log: { info: silent, warn: silent, error: silent }, clock });
  const callers: Caller[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(callers.map((caller) => caller[Symbol.asyncDispose]()));
    await gateway.close();
    await Promise.all([release, staging].map((backend) => backend[Symbol.asyncDispose]()));
  };
  try {
    const yaml = edited([...replace, ...addressesOf(release.port, staging.port)]);
    await gateway.apply(readConfigText({ 'gateway.yaml': yaml }, env), { listen: true });
  } catch (error) {
    await close();
    throw error;
  }
  const [plainPort = 0, securePort = 0] = gateway.listeners.map(({ port }) => port);
  return {
    clock,
    release,
    staging,
    seen,
    plainPort,
    securePort,
    caller(protocol, from) {
      const caller = callerOf(protocol, protocol === 'HTTP/1.1' ? plainPort : securePort, from);
      callers.push(caller);
      return caller;
    },
    [Symbol.asyncDispose]: close,
  };
}

function addressesOf(release: number, staging: number): (readonly [string, string])[] {
  return [
    ['port: 8080', 'port: 0'],
    ['port: 8443', 'port: 0\n    host: 127.0.0.1'],
    ['127.0.0.1:9201', `127.0.0.1:${release}`],
    ['127.0.0.1:9202', `127.0.0.1:${staging}`],
  ];
}

function edited(changes: readonly (readonly [text: string, by: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the configuration says ${from}`);
    return text.replaceAll(from, () => to);
  }, shopYaml);
}
