import { AggregatorRegistry, type MetricObject, Registry, collectDefaultMetrics } from 'prom-client';

/** What prom-client knows of one process, as JSON. */
export type ProcessFigures = readonly MetricObject[];

let registry: Registry | undefined;

/**
 * Figures of the process and of Node, under prom-client's own names. One registry for the process: what watches the event
 * loop and the garbage collector cannot be stopped again. It begins with the first scrape, so that checking a
 * configuration starts nothing.
 */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}

let lastCounted: ProcessFigures = [];

/** What a scrape is told. */
export async function processFigures(): Promise<ProcessFigures> {
  const figures = await processMetrics().getMetricsAsJSON();
  lastCounted = figures.filter(isCounted);
  return figures;
}

/**
 * What the last scrape was told that must not go back. Asking anew would take some milliseconds, start what watches the
 * process before anybody wants to know, and begin the delays of the event loop again that the next scrape is to be told.
 */
export function countedFigures(): ProcessFigures {
  return lastCounted;
}

/** Several processes, as prom-client puts them together: sums, and of delays the mean or the longest. */
export function together(processes: readonly ProcessFigures[]): Registry {
  return AggregatorRegistry.aggregate([...processes]);
}

/** What a process that has ended counted; how it was is of the past. */
export async function countedBy(processes: readonly ProcessFigures[]): Promise<ProcessFigures> {
  const figures = await together(processes).getMetricsAsJSON();
  return figures.filter(isCounted);
}

function isCounted({ type }: MetricObject): boolean {
  return ['counter', 'histogram'].includes(String(type));
}
