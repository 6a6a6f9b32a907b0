import { OneOf, Options, type Static, Type } from '#sdk';

const count = Type.Unsafe<number | 'auto'>({
  if: { type: 'string' },
  then: OneOf(['auto']),
  else: { type: 'integer', minimum: 1, maximum: 256 },
});

const Mapping = Options({
  count: Type.Unsafe<number | 'auto'>({ ...count, default: 'auto' }),
  blockedMs: Type.Integer({
    minimum: 100,
    maximum: 600_000,
    default: 5000,
    description: 'A worker whose event loop stands still for longer is killed and replaced.',
  }),
});

/** The top-level key `workers`. */
export const WorkersSchema = Type.Unsafe<Static<typeof Mapping> | number | 'auto'>({
  if: { type: 'object' },
  then: Mapping,
  else: count,
  description:
    'Processes that serve: a number, or `auto` for one a core. One without a supervisor when absent.',
});

export type WorkersConfig = Static<typeof WorkersSchema>;
