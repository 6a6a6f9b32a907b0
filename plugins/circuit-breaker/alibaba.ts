import { type Kit, Options, type Static, Type, defineDialect } from '#sdk';
import { AlibabaBackendSchema, translateBackend } from '#sdk/backends';
import { compileWhen } from './failure.ts';
import type { BreakerConfig, Config } from './options.ts';

type Problem = Kit['problem'];

const Threshold = Type.Integer({ minimum: 1, maximum: 5000 });

const Document = Options({
  timeoutThreshold: Type.Optional(Threshold),
  errorCondition: Type.Optional(Type.String()),
  errorThreshold: Type.Optional(Threshold),
  windowInSeconds: Type.Integer({ minimum: 10, maximum: 90 }),
  openTimeoutSeconds: Type.Integer({ minimum: 15, maximum: 300 }),
  downgradeBackend: Type.Optional(AlibabaBackendSchema),
});
type Document = Static<typeof Document>;

const maxBytes = 50 * 1024;

/** The circuit breaker plug-in of Alibaba Cloud API Gateway. */
export const circuitBreaker = defineDialect(Document, (document: Document, problem: Problem): Config => {
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes)
    problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
  const { windowInSeconds, openTimeoutSeconds, downgradeBackend } = document;
  const breaker: BreakerConfig = {
    ...failureOf(document, problem),
    windowSeconds: windowInSeconds,
    openSeconds: openTimeoutSeconds,
    probes: 3,
  };
  const config: Config = { scope: 'api', breaker, parameters: [], rules: [] };
  if (downgradeBackend === undefined) return config;
  const fallback = translateBackend(downgradeBackend, (field, message) =>
    problem(['downgradeBackend', field], message),
  );
  return { ...config, fallback };
});

/** One of the two modes. */
function failureOf(
  { timeoutThreshold, errorCondition, errorThreshold }: Document,
  problem: Problem,
): Pick<BreakerConfig, 'failure' | 'when' | 'threshold'> {
  if (timeoutThreshold !== undefined) {
    for (const [field, value] of [
      ['errorCondition', errorCondition],
      ['errorThreshold', errorThreshold],
    ] as const) {
      if (value !== undefined) problem([field], 'allowed instead of "timeoutThreshold", not beside it');
    }
    return { failure: 'timeout', threshold: timeoutThreshold };
  }
  if (errorCondition === undefined || errorThreshold === undefined) {
    problem([], 'it must have "timeoutThreshold", or "errorCondition" and "errorThreshold"');
    return { failure: 'timeout', threshold: 1 };
  }
  compileWhen(errorCondition, ['errorCondition'], problem);
  return { failure: 'condition', when: errorCondition, threshold: errorThreshold };
}
