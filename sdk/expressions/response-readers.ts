import type { Inbound } from '../exchange.ts';
import { refusalKinds } from '../refusals.ts';
import { textOf } from '../signatures/alibaba-message.ts';
import { readJsonAnswer } from './answer-json.ts';
import type { Reader } from './bind.ts';
import type { Parameter } from './declaration.ts';
import { readJsonPath } from './json-path.ts';
import { requestReader } from './request-readers.ts';

/** What parameters of the response phase are read from. */
export interface AnswerFacts {
  readonly inbound: Inbound;
  /** The answer's body as JSON gave it; undefined when it is none, or nobody asked. */
  readonly document: unknown;
}

/**
 * Reads the parameters of the response phase; one for all conditions and templates of a binding.
 *
 * @example
 * const readers = new ResponseReaders(maxBytes);
 * const isError = compileCondition(text, { scope, resolve: readers.resolve });
 * return { response: { stage: 'map', handle: (inbound) => readers.evaluate(inbound, (facts) => { if (isError(facts)) ... }) } };
 */
export class ResponseReaders {
  #needsBody = false;
  readonly #maxBytes: number;

  /** @param maxBytes of a body that is read, before and after decompression */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The `resolve` of `compileCondition` and `compileTemplate`. See `responseReader` for what is read.
   * @throws TypeError for a parameter without a value in the response phase
   */
  readonly resolve = (parameter: Parameter): Reader<AnswerFacts> => {
    if (parameter.location === 'BodyJsonField') this.#needsBody = true;
    return responseReader(parameter);
  };

  /**
   * Calls `evaluate` when everything that was resolved can be read: at once and without a promise, unless a field of the
   * body is among it and the body may be JSON. The answer goes on as it was.
   */
  evaluate<T>(inbound: Inbound, evaluate: (facts: AnswerFacts) => T): T | Promise<T> {
    const reading = this.#needsBody ? readJsonAnswer(inbound, this.#maxBytes) : undefined;
    if (reading === undefined) return evaluate({ inbound, document: undefined });
    return reading.then((document) => evaluate({ inbound, document }));
  }
}

/**
 * Makes the reader of a response-phase parameter.
 *
 * - `StatusCode` is the backend's, a mock's and a cached answer's included; the gateway's own answers have none.
 * - `ErrorCode` is the vendor's code of a refusal of the gateway, such as `T429PA`; other answers have none.
 * - `Header` is the first value in the answer, bytes that are UTF-8 decoded.
 * - `BodyJsonField` is read within `ResponseReaders.evaluate` alone; see `readJsonAnswer` for what counts as JSON.
 * - `Method`, `Path`, `System` and `Token` are those of the request; see `requestReader`.
 *
 * @throws TypeError for a parameter without a value in the response phase, and for a plug-in's own names
 */
function responseReader(parameter: Parameter): Reader<AnswerFacts> {
  switch (parameter.location) {
    case 'StatusCode':
      return ({ inbound }) => (inbound.source === 'backend' ? inbound.status : undefined);
    case 'ErrorCode':
      return ({ inbound: { refusal } }) =>
        refusal === undefined ? undefined : refusalKinds[refusal.kind].alibabaCode;
    case 'Header': {
      const { key } = parameter;
      return ({ inbound }) => {
        const value = inbound.headers.get(key);
        return value === undefined ? undefined : textOf(value);
      };
    }
    case 'BodyJsonField': {
      const { path } = parameter;
      return ({ document }) => readField(document, path);
    }
    case 'Method':
    case 'Path':
    case 'System':
    case 'Token': {
      const read = requestReader(parameter);
      return ({ inbound }) => read(inbound.exchange);
    }
    case 'Query':
    case 'Form':
    case 'Host':
    case 'Parameter':
    case 'PathVariable':
    case 'XFF':
    case 'BuiltIn':
    default:
      throw new TypeError(`$${parameter.name} has no value in an answer`);
  }
}

/** An object is read as JSON text; one that is nested too deeply for that has none. */
function readField(document: unknown, path: Parameters<typeof readJsonPath>[1]) {
  try {
    return readJsonPath(document, path);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
