import { Matching, OneOf, Options, type Static, Type } from '#sdk';
import { StoreSchema } from '#sdk/redis';

/** The top-level key `state`. */
export const StateSchema = Options(
  {
    store: StoreSchema,
    counters: OneOf(['exact', 'leased', 'local'], {
      default: 'exact',
      description:
        '`exact`: a limit of N admits N over all gateways, one round trip a request. `leased`: never more than N, fewer round trips. `local`: each machine counts by itself.',
    }),
    leasePercent: Type.Integer({
      minimum: 1,
      maximum: 50,
      default: 5,
      description: 'For `leased`: how much of a limit a gateway takes at a time.',
    }),
    timeoutMs: Type.Integer({
      minimum: 10,
      maximum: 5000,
      default: 200,
      description: 'Longest wait for an answer of the store, after which it counts as out of reach.',
    }),
    connectTimeoutMs: Type.Integer({ minimum: 10, maximum: 30_000, default: 1000 }),
    prefix: Matching('^[^{}\\s]{0,64}$', 'up to 64 characters without braces and blanks', {
      default: 'tapgate:',
      description: 'What all keys in the store begin with.',
    }),
  },
  {
    description: 'Where counters and values are shared with other gateways; this machine alone when absent.',
  },
);

export type StateConfig = Static<typeof StateSchema>;
