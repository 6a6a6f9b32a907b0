import { Matching, Options, type Static, Type } from '#sdk';
import { StoreSchema } from '#sdk/redis';

const defaults = {
  retries: 3,
  backoffMs: 1000,
  maxAgeSeconds: 86_400,
  concurrency: 2,
  maxMb: 1024,
  deadLetterMb: 256,
  deadLetterDays: 14,
};

/** `retries` and `maxAgeSeconds` have the vendor's ranges (FunctionGraph, UpdateFunctionAsyncInvokeConfig). */
export const AsyncCallsSchema = Options(
  {
    folder: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Where calls are kept, relative to the file in which this stands; `.tapgate/async-calls` unless given.',
      }),
    ),
    store: Type.Optional(StoreSchema),
    prefix: Type.Optional(
      Matching('^[^{}\\s]{0,64}$', 'up to 64 characters without braces and blanks', {
        description: 'With `store`: what all keys in it begin with; `tapgate:` unless given.',
      }),
    ),
    leaseSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 3600,
        description:
          'With `store`: a call whose gateway is silent for so long is made by another; 30 unless given.',
      }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        minimum: 10,
        maximum: 60_000,
        description: 'With `store`: longest wait for its answer; 2000 unless given.',
      }),
    ),
    retries: Type.Integer({
      minimum: 0,
      maximum: 8,
      default: defaults.retries,
      description: 'How often a call that failed is tried again.',
    }),
    backoffMs: Type.Integer({
      minimum: 1,
      maximum: 3_600_000,
      default: defaults.backoffMs,
      description: 'Wait before the first retry; twice as long before each further one.',
    }),
    maxAgeSeconds: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      default: defaults.maxAgeSeconds,
      description: 'A call that has not succeeded by then becomes a dead letter.',
    }),
    concurrency: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: defaults.concurrency,
      description: 'Calls of one function at a time, in each gateway.',
    }),
    maxMb: Type.Integer({
      minimum: 1,
      default: defaults.maxMb,
      description: 'Size of all calls that wait or run; others are refused with 503.',
    }),
    deadLetterMb: Type.Integer({
      minimum: 1,
      default: defaults.deadLetterMb,
      description: 'Size of all dead letters; the oldest are dropped beyond it.',
    }),
    deadLetterDays: Type.Integer({
      minimum: 1,
      maximum: 3650,
      default: defaults.deadLetterDays,
      description: 'Dead letters are dropped after this.',
    }),
  },
  { description: 'How calls of functions with `invocation: async` are kept and made.' },
);

export type AsyncSection = Static<typeof AsyncCallsSchema>;
export type AsyncOptions = Omit<AsyncSection, 'folder' | 'store' | 'prefix' | 'leaseSeconds' | 'timeoutMs'>;

/** What holds, whether the configuration has the section or not. */
export function optionsOf(section: AsyncSection | undefined): AsyncOptions {
  return { ...defaults, ...section };
}

/** Hidden, so that a configuration that is a folder does not look for YAML in it. */
export const defaultFolder = '.tapgate/async-calls';
