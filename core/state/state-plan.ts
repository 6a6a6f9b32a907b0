import path from 'node:path';
import { type StorePlan, type StoreSource, planStore } from '#sdk/redis';
import type { Problems } from '../config/check.ts';
import type { ConfigText } from '../config/read.ts';
import type { StateConfig } from '../config/state-schema.ts';

/** The section `state`, checked, with the files it names. Configurations with equal plans share one connection. */
export interface StatePlan extends Omit<StateConfig, 'store'> {
  readonly store: StorePlan;
}

const maxPemBytes = 1024 * 1024;

/** What the section asks for; undefined when something is wrong with it, which is then told. */
export function planState(config: StateConfig, text: ConfigText, problems: Problems): StatePlan | undefined {
  const { store, ...rest } = config;
  const planned = planStore(store, sourceOf(text, problems));
  return planned === undefined || problems.has(['state']) ? undefined : { ...rest, store: planned };
}

function sourceOf(text: ConfigText, problems: Problems): StoreSource {
  return {
    problem: (at, message, place) =>
      problems.add(['state', 'store', ...at], message, place === 'key' ? { key: true } : {}),
    readFile(at, name) {
      const file = path.resolve(path.dirname(text.locate.fileOf(['state', 'store', ...at])), name);
      try {
        return text.read(file, maxPemBytes);
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        const reason = code === 'ENOENT' ? 'no such file' : message;
        problems.add(['state', 'store', ...at], `the file ${file} cannot be read: ${reason}`);
        return undefined;
      }
    },
  };
}
