import { type Backend, backendAuthorized } from '#sdk';

/** What runs for a backend that was chosen, before it completes the request. */
export type Guard = NonNullable<Backend['authorize']>;

/** The backend, called only when the guard lets the request through. Without a guard, which is a problem, never. */
export function guarded(backend: Backend, guard: Guard | undefined): Backend {
  return {
    ...(backend.isMock === true ? { isMock: true } : {}),
    async authorize(exchange) {
      if (guard === undefined) throw new Error('the backend is not configured');
      const answer = await guard(exchange);
      if (answer !== undefined) return answer;
      exchange.notes.set(backendAuthorized, true);
      return backend.authorize?.(exchange);
    },
    prepare: (outbound) => backend.prepare?.(outbound),
    invoke: (outbound) => backend.invoke(outbound),
  };
}
