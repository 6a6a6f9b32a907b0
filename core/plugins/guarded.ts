import { type Backend, Reply } from '#sdk';

/** What runs for a backend that was chosen, before it completes the request. */
export type Guard = NonNullable<Backend['authorize']>;

/** The backend, asked for only when the guard lets the request through. Without a guard, which is a problem, never. */
export function guarded(backend: Backend, guard: Guard | undefined): Backend {
  return {
    ...(backend.isMock === true ? { isMock: true } : {}),
    authorize: (exchange) => {
      if (guard === undefined) throw new Error('the backend is not configured');
      const answer = guard(exchange);
      if (backend.authorize === undefined || answer instanceof Reply) return answer;
      if (answer === undefined) return backend.authorize(exchange);
      return Promise.resolve(answer).then((each) =>
        each === undefined ? backend.authorize?.(exchange) : each,
      );
    },
    prepare: (outbound) => backend.prepare?.(outbound),
    invoke: (outbound) => backend.invoke(outbound),
  };
}
