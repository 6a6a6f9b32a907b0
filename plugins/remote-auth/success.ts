import type { Exchange, Fields, Kit } from '#sdk';
import {
  type Parameter,
  type Reader,
  readJsonPath,
  reportCondition,
  reportParameters,
  requestReader,
} from '#sdk/expressions';
import type { Config } from './options.ts';

/** What the service answered. */
export interface Answered {
  readonly exchange: Exchange;
  readonly status: number;
  readonly headers: Fields;
  readonly body: Buffer;
}

/** Whether an answer lets the caller through. */
type Test = (answered: Answered) => boolean;

export interface Success {
  readonly test: Test;
  /** What the condition looks at in the request: another value may be another decision. */
  readonly facts: readonly Reader<Exchange>[];
}

/** Reports what is wrong with the condition. */
export function compileSuccess({ success, parameters }: Config, kit: Pick<Kit, 'problem'>): Success {
  const { condition, header } = success ?? {};
  const facts: Reader<Exchange>[] = [];
  const tests: Test[] = [];
  const resolve = (parameter: Parameter): Reader<Answered> => resolved(parameter, facts);
  const problem: Kit['problem'] = (path, message, offset) => kit.problem(path, message, offset);
  const context = { phase: 'response', builtIns: ['statusCode'] } as const;
  const scope = reportParameters(parameters, context, ['parameters'], problem);
  if (condition !== undefined)
    tests.push(reportCondition(condition, { scope, resolve }, ['success', 'condition'], problem));
  if (header !== undefined) tests.push(({ headers }) => headers.combined(header.name) === header.value);
  if (success !== undefined && tests.length === 0)
    kit.problem(['success'], 'allowed: `condition`, `header` or both; leave it out for any 2xx');
  if (tests.length === 0) tests.push(({ status }) => status >= 200 && status < 300);
  return { test: (answered) => tests.every((test) => test(answered)), facts };
}

/** @param facts gets what is read of the request */
function resolved(parameter: Parameter, facts: Reader<Exchange>[]): Reader<Answered> {
  switch (parameter.location) {
    case 'StatusCode':
    case 'BuiltIn':
      return ({ status }) => status;
    // The gateway's own errors: an answer of the service has none.
    case 'ErrorCode':
      return () => undefined;
    case 'Header':
      return ({ headers }) => headers.get(parameter.key);
    case 'BodyJsonField':
      return ({ body }) => readJsonPath(parsed(body), parameter.path);
    case 'Form':
    case 'Host':
    case 'Method':
    case 'Parameter':
    case 'Path':
    case 'PathVariable':
    case 'Query':
    case 'System':
    case 'Token':
    case 'XFF':
    default: {
      const read = requestReader(parameter);
      facts.push(read);
      return ({ exchange }) => read(exchange);
    }
  }
}

/** Undefined when it is no JSON: a condition on it is then false. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
