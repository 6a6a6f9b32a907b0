// What became of calls that could not be made: `node plugins/backend-function/dead-letters.ts list FOLDER`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Check } from 'typebox/value';
import { type StoreMapping, type StorePlan, StoreSchema, planStore } from '#sdk/redis';
import { fileName } from './async/call-file.ts';
import { DeadInRedis } from './async/dead-in-redis.ts';
import type { DeadLetter, DeadLetters } from './async/dead-letters.ts';
import { DeadOnDisk } from './async/dead-on-disk.ts';

const usage = `dead-letters.ts COMMAND QUEUE

  list    QUEUE           a line of JSON for each dead letter, the oldest first, without what its caller sent
  show    QUEUE ID        one of them, with its event, which may hold secrets of the caller
  requeue QUEUE ID|all    make the call again, with all its retries; the gateways may be running
  delete  QUEUE ID|all

  QUEUE is the folder of asyncCalls, .tapgate/async-calls beside the configuration unless it names another;
        or env:NAME, an environment variable that holds the store of asyncCalls: a URL, or a mapping as JSON.
        With --prefix PREFIX where asyncCalls has one.
`;

/** What is wrong with the command line or the queue, for whoever typed it. */
class Fault extends Error {
  readonly code: number;
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

async function open(queue: string, prefix: string): Promise<DeadLetters> {
  if (queue.startsWith('env:')) return DeadInRedis.open(storeIn(queue.slice('env:'.length)), prefix);
  if (!existsSync(join(queue, fileName))) throw new Fault(`there are no calls in ${queue}\n`);
  return new DeadOnDisk(queue);
}

/** Never quotes what it holds: there is a password in it. */
function storeIn(variable: string): StorePlan {
  const store = parseStore(process.env[variable] ?? '');
  if (store === undefined) throw new Fault(`${variable} holds no store; see state.store in README.md\n`);
  const problems: string[] = [];
  const plan = planStore(store, {
    problem: (at, message) => void problems.push(`${[variable, ...at].join('.')}: ${message}\n`),
    readFile: (_at, name) => readFileSync(name, 'utf8'),
  });
  if (plan === undefined || problems.length > 0) throw new Fault(problems.join(''));
  return plan;
}

/** A URL, or a mapping as JSON. */
function parseStore(text: string): StoreMapping | string | undefined {
  try {
    const store: unknown = text.startsWith('{') ? JSON.parse(text) : text;
    return Check(StoreSchema, store) ? store : undefined;
  } catch {
    return undefined;
  }
}

function told({ acceptedAt, deadAt, ...rest }: DeadLetter): Record<string, unknown> {
  return {
    ...rest,
    acceptedAt: new Date(acceptedAt).toISOString(),
    deadAt: new Date(deadAt).toISOString(),
  };
}

/** Undefined for all. */
type Chosen = number | undefined;

const commands: Readonly<Record<string, (letters: DeadLetters, id: Chosen) => Promise<void>>> = {
  async list(letters) {
    for await (const letter of letters.list()) process.stdout.write(`${JSON.stringify(told(letter))}\n`);
  },
  async show(letters, id = 0) {
    const letter = await letters.show(id);
    if (letter === undefined) throw new Fault(`there is no dead letter ${id}\n`);
    const event = JSON.parse(letter.event) as unknown;
    process.stdout.write(`${JSON.stringify({ ...told(letter), event }, null, 2)}\n`);
  },
  requeue: async (letters, id) => tellCount(await letters.requeue(id), id),
  delete: async (letters, id) => tellCount(await letters.delete(id), id),
};

function tellCount(count: number, id: Chosen): void {
  if (count === 0 && id !== undefined) throw new Fault(`there is no dead letter ${id}\n`);
  process.stdout.write(`${count}\n`);
}

async function main(args: readonly string[]): Promise<void> {
  const { positionals, values } = parsed(args);
  const [name = '', queue, which, ...more] = positionals;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const isOne = which !== undefined && /^[1-9][0-9]*$/.test(which);
  const isEnough = name === 'list' ? which === undefined : isOne || (which === 'all' && name !== 'show');
  if (command === undefined || queue === undefined || !isEnough || more.length > 0) throw new Fault(usage, 2);
  const letters = await open(queue, values.prefix);
  try {
    await command(letters, isOne ? Number(which) : undefined);
  } finally {
    letters.close();
  }
}

function parsed(args: readonly string[]) {
  const options = { prefix: { type: 'string', default: 'tapgate:' } } as const;
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch {
    throw new Fault(usage, 2);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(error instanceof Fault ? error.message : `${String(error)}\n`);
  process.exitCode = error instanceof Fault ? error.code : 1;
}
