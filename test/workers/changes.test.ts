import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generator } from '../gateway/support/random.ts';
import { Served, newFolder } from '../commands/cli.ts';
import { type FleetStatus, ask, pause } from './support.ts';

const head = `workers: 2
listeners: [{ port: 0, host: 127.0.0.1 }]
management: { port: 0 }
throttling: { defaultPerSecond: 0 }
groups: { g: { domains: ['*'] } }
`;

const mock = (name: string, body: string): string =>
  `  g/${name}:\n    request: { method: GET, path: /${name} }\n    auth: none\n    backend: { type: mock, body: "${body}" }\n`;

const textOf = (apis: ReadonlyMap<string, string>): string =>
  `${head}apis:\n${Array.from(apis, ([name, body]) => mock(name, body)).join('')}`;

const turns = Number(process.env['TAPGATE_TURNS'] ?? 16);

/** A configuration in blocks, so that changes are read alone, and a gateway that follows it. */
class Followed {
  readonly apis: Map<string, string>;
  readonly served: Served;
  readonly #file: string;
  readonly #management: number;

  static async start(apis: Map<string, string>): Promise<Followed> {
    const file = join(newFolder({ 'gateway.yaml': textOf(apis) }), 'gateway.yaml');
    const served = await Served.start(file, {}, 120_000);
    const said = await served.prints(/management at http:\/\/\S+:\d+\n/);
    return new Followed(apis, file, served, Number(/management at http:\/\/\S+:(\d+)/.exec(said)?.[1]));
  }

  private constructor(apis: Map<string, string>, file: string, served: Served, management: number) {
    this.apis = apis;
    this.#file = file;
    this.served = served;
    this.#management = management;
  }

  write(text = textOf(this.apis)): void {
    writeFileSync(`${this.#file}.tmp`, text);
    renameSync(`${this.#file}.tmp`, this.#file);
  }

  async refuses(text: string): Promise<void> {
    const before = this.served.refused.length;
    this.write(text);
    await this.served.logged('is refused', before + 1);
  }

  async status(): Promise<FleetStatus> {
    const { body } = await ask(this.#management, '/status', { headers: { host: 'localhost' } });
    return JSON.parse(body) as FleetStatus;
  }

  async until(holds: (status: FleetStatus) => boolean): Promise<FleetStatus> {
    for (const end = performance.now() + 60_000; ; await pause(10)) {
      const status = await this.status();
      if (holds(status)) return status;
      assert.ok(performance.now() < end, JSON.stringify(status));
    }
  }

  settled(): Promise<FleetStatus> {
    return this.until(({ workers, spare }) => workers.length === 2 && spare?.isReady === true);
  }

  /** Nobody can say which worker a connection gets. */
  async assertServed(where: string): Promise<void> {
    for (const [name, body] of this.apis) {
      const all = await Promise.all(Array.from({ length: 8 }, () => ask(this.served.port, `/${name}`)));
      for (const answer of all) assert.equal(answer.body, body, `${name}, ${where}`);
    }
    assert.equal((await ask(this.served.port, '/gone')).status, 404, where);
  }
}

test('changes that are read alone reach all workers, those that were refused, or missed, between', async () => {
  const followed = await Followed.start(new Map([['first', '0']]));
  const { apis } = followed;
  const below = generator(7);
  let { number } = (await followed.settled()).configuration;
  for (let turn = 1; turn <= turns; turn += 1) {
    const kind = below(8);
    const names = [...apis.keys()];
    if (kind === 0) await followed.refuses(textOf(apis) + mock('first', 'twice'));
    // Right as far as reading can tell.
    if (kind === 1) await followed.refuses(textOf(new Map([...apis, ['first', `" , nothing: "`]])));
    if (kind === 2) {
      const { workers } = await followed.status();
      process.kill(workers[below(workers.length)]?.pid ?? assert.fail(), 'SIGKILL');
    }
    if (kind === 3 && names.length > 2) apis.delete(names[1] ?? '');
    else if (kind < 6) apis.set(`n${turn}`, `new ü ${turn}`);
    const name = names[below(names.length)] ?? '';
    if (apis.has(name)) apis.set(name, `other ${turn} ${'x'.repeat(below(50))}`);
    apis.set('first', String(turn));
    followed.write();
    ({ number } = (await followed.until(({ configuration }) => configuration.number > number)).configuration);
    if (below(3) === 0) await followed.settled();
    await followed.assertServed(`turn ${turn}, kind ${kind}`);
  }
});
