import { statSync } from 'node:fs';
import { once } from 'node:events';
import { type Log, definePlugin } from '#sdk';
import { ConfigError } from '../config/problems.ts';
import type { ConfigText } from '../config/read.ts';
import { type Reloadable, watchConfig } from '../config/watch.ts';
import { Gateway, readFromDisk } from '../gateway.ts';
import { Screen, shortName } from './screen.ts';
import { tellRejections } from './rejections.ts';
import { sayListeners } from './start.ts';
import { configPath } from './usage.ts';

/** Shorter than where deployments write: half a file is refused, and the whole one follows. */
const settleMs = 15;

/** As `start`, for whoever writes plugins: says what changed, what failed and where, and what each request met. */
export async function dev(config: string | undefined): Promise<number> {
  const path = configPath(config);
  const author = new Author(readFromDisk(path));
  tellRejections(author.screen.log);
  await author.begin();
  const watcher = watchConfig(path, author, author.watching, { settleMs });
  // Where nothing could be served yet, there is no open port to keep the process.
  const alive = setInterval(() => undefined, 60_000);
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  clearInterval(alive);
  watcher.close();
  await author.gateway.close();
  return 0;
}

class Author implements Reloadable {
  readonly screen: Screen;
  readonly gateway: Gateway;
  /** What has been applied or refused is said with its code; the rest of what the watcher says is worth a line. */
  readonly watching: Log;
  readonly #first: ConfigText;
  #isServing = false;
  #last: ReadonlyMap<string, string> = new Map();

  constructor(first: ConfigText) {
    this.#first = first;
    this.screen = new Screen(() => this.hashes);
    const warn: Log['warn'] = (fields, message) => this.screen.log.warn(fields, message);
    this.watching = { info: () => undefined, error: () => undefined, warn };
    const requests = definePlugin({
      name: 'dev-requests',
      summary: 'Prints a line for each request.',
      setup: () => ({ completed: (notice) => this.screen.request(notice) }),
    });
    this.gateway = new Gateway({ log: this.screen.log, plugins: [requests] });
  }

  get hashes(): ReadonlyMap<string, string> {
    return this.#isServing ? this.gateway.hashes : this.#first.hashes;
  }

  async begin(): Promise<void> {
    try {
      await this.apply(this.#first);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }

  async apply(text: ConfigText): Promise<void> {
    const startedAt = Date.now();
    const wasServing = this.#isServing;
    try {
      await this.gateway.apply(text, { listen: true });
      this.#isServing = true;
    } catch (error) {
      this.#refused(error, text);
      this.#last = new Map(text.hashes);
      throw error;
    }
    const changed = changedFiles(text.hashes, this.#last);
    this.#last = new Map(text.hashes);
    if (!wasServing) sayListeners(this.gateway);
    else this.screen.say(`reloaded ${since(changed, startedAt)}: ${namesOf(changed)}`);
  }

  #refused(error: unknown, text: ConfigText): void {
    const stays = this.#isServing ? 'the version in force stays' : 'nothing is served until it is mended';
    this.screen.say(`refused; ${stays}`);
    if (error instanceof ConfigError) this.screen.problems(error.problems, [...text.hashes.keys()]);
    else this.screen.log.error({ error: String(error) }, 'it cannot be put in force');
  }
}

function changedFiles(now: ReadonlyMap<string, string>, before: ReadonlyMap<string, string>): string[] {
  const files = new Set([...now.keys(), ...before.keys()]);
  return [...files].filter((file) => now.get(file) !== before.get(file));
}

function namesOf(files: readonly string[]): string {
  const names = files.slice(0, 3).map(shortName);
  return `${names.join(', ')}${files.length > 3 ? ` and ${files.length - 3} more` : ''}`;
}

/** From the moment the last file was written, where the file system tells; else how long it took to build. */
function since(files: readonly string[], startedAt: number): string {
  const written = files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const age = Date.now() - Math.max(...written);
  return age >= 0 && age < 10_000
    ? `${Math.round(age)} ms after the change`
    : `in ${Date.now() - startedAt} ms`;
}
