import { Registry, collectDefaultMetrics } from 'prom-client';

let registry: Registry | undefined;

/**
 * Figures of the process and of Node, under prom-client's own names. One registry for the process: what watches the event
 * loop and the garbage collector cannot be stopped again. It begins with the first scrape, so that checking a
 * configuration starts nothing.
 */
export function processMetrics(): Promise<string> {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry.metrics();
}
