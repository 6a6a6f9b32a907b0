import type { Values } from '#sdk';

/** The shared store is out of reach: whether somebody is signed in cannot be said. */
export class StoreTrouble extends Error {}

/** The same values, but every failure is StoreTrouble, so that it is told from a defect. */
export function reachable(values: Required<Values>): Required<Values> {
  return {
    claim: (key, ttlMs) => told(() => values.claim(key, ttlMs)),
    has: (key) => told(() => values.has(key)),
    get: (key) => told(() => values.get(key)),
    set: (key, value, ttlMs) => told(() => values.set(key, value, ttlMs)),
    delete: (key) => told(() => values.delete(key)),
  };
}

async function told<T>(ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new StoreTrouble('the shared store is out of reach', { cause: error });
  }
}
