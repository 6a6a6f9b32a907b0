import type { HandlerTiming } from '#sdk';

type Handle<Subject> = (subject: Subject) => unknown;

/**
 * Tells some calls of a handler to those who ask for it; the handler itself when nobody does, so that chains are
 * compiled from what they always were.
 */
export function timed<Subject>(
  timings: readonly HandlerTiming[],
  plugin: string,
  hook: string,
  handle: Handle<Subject>,
): Handle<Subject> {
  let result = handle;
  for (const timing of timings) result = timedBy(timing, plugin, hook, result);
  return result;
}

function timedBy<Subject>(
  timing: HandlerTiming,
  plugin: string,
  hook: string,
  handle: Handle<Subject>,
): Handle<Subject> {
  const { every } = timing;
  // Not all from 0: handlers of APIs that are seldom called would never be timed.
  let calls = Math.floor(Math.random() * every);
  return (subject) => {
    calls += 1;
    if (calls < every) return handle(subject);
    calls = 0;
    const start = performance.now();
    const stop = (): void => {
      try {
        timing.record(plugin, hook, performance.now() - start);
      } catch {
        // Whoever looks on must not decide about the request.
      }
    };
    let answer: unknown;
    try {
      answer = handle(subject);
    } catch (error) {
      stop();
      throw error;
    }
    // Beside the promise that is passed on: its rejection is still the chain's to see.
    if (answer instanceof Promise) answer.then(stop, stop);
    else stop();
    return answer;
  };
}
