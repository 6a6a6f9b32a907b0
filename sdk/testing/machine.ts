import { MachineHub } from '../../core/workers/machine.ts';
import type { Log, Machine } from '../index.ts';

const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A worker of a test's machine, for `testGateway({ worker })`. */
export type TestWorker = MachineHub;

/** Workers of one machine, in memory; the first one is the main one until it `ends`. */
export class TestMachine {
  readonly workers: readonly TestWorker[];
  #living: readonly TestWorker[];

  constructor(count: number) {
    const key = Buffer.alloc(32, 7);
    this.workers = Array.from({ length: count }, () => {
      const hub: MachineHub = new MachineHub(quiet, {
        key,
        link: {
          publish: (topic, value) => this.#pass(hub, topic, value),
          ask: async (topic, question) => {
            const [main] = this.#living;
            if (main === undefined) throw new Error('there is no main worker');
            return copyOf(await main.respond(topic, copyOf(question)));
          },
        },
      });
      return hub;
    });
    this.#living = this.workers;
    this.#living[0]?.becomeMain();
  }

  /** The main worker is gone; the next one is it. */
  end(): void {
    this.#living = this.#living.slice(1);
    this.#living[0]?.becomeMain();
  }

  #pass(from: MachineHub, topic: string, value: unknown): void {
    for (const hub of this.#living) if (hub !== from) hub.received(topic, copyOf(value));
  }
}

/** The machine of a gateway of one process. */
export function lonelyMachine(): Machine {
  return new MachineHub(quiet).of('test');
}

/** What arrives is what JSON can carry. */
function copyOf(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
