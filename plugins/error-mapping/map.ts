import { type Inbound, type Kit, describeAllowed, fieldValue } from '#sdk';
import {
  type AnswerFacts,
  type AnswerFields,
  type AnswerTemplate,
  type CompileOptions,
  type Condition,
  reportAnswer,
  reportCondition,
} from '#sdk/expressions';
import type { Config, MappingConfig } from './options.ts';

type Path = readonly (string | number)[];

/** What the fields are called where they are written. */
export interface MappingFields extends AnswerFields {
  readonly when: string;
  readonly code: string;
  readonly mappings: string;
  readonly mappingWhen: string;
  readonly otherwise: string;
}

/** Changes an answer that is an error; leaves all others alone. */
export type MapError = (facts: AnswerFacts) => undefined;

interface Mapping {
  readonly code: string | undefined;
  readonly condition: Condition<AnswerFacts> | undefined;
  readonly answer: AnswerTemplate<AnswerFacts>;
}

/** Compiles a document, with every problem reported under the names it is written with. */
export function compileErrorMapping(
  config: Config,
  options: CompileOptions<AnswerFacts>,
  fields: MappingFields,
  problem: Kit['problem'],
): MapError {
  const { when, code, mappings, otherwise } = config;
  const isError = reportCondition(when, options, [fields.when], problem);
  if (mappings.length === 0 && otherwise === undefined)
    problem(
      [],
      `nothing says what errors become: it must have "${fields.mappings}" or "${fields.otherwise}"`,
    );
  const readCode = code === undefined ? undefined : codeReader(code, options, fields, problem);
  const compiled = mappings.map((mapping, index): Mapping => {
    const path = [fields.mappings, index];
    reportSubject(mapping, code, path, fields, problem);
    return {
      code: mapping.code,
      condition:
        mapping.when === undefined
          ? undefined
          : reportCondition(mapping.when, options, [...path, fields.mappingWhen], problem),
      answer: reportAnswer(mapping, options, fields, path, problem),
    };
  });
  const rest =
    otherwise === undefined
      ? undefined
      : reportAnswer(otherwise, options, fields, [fields.otherwise], problem);
  return (facts) => {
    if (!isError(facts)) return;
    const value = readCode?.(facts);
    const answer = compiled.find((mapping) => matches(mapping, value, facts))?.answer ?? rest;
    if (answer !== undefined) apply(answer, facts);
  };
}

function matches({ code, condition }: Mapping, value: string | undefined, facts: AnswerFacts): boolean {
  if (code !== undefined && code !== value) return false;
  return condition === undefined || condition(facts);
}

function codeReader(
  name: string,
  { scope, resolve }: CompileOptions<AnswerFacts>,
  { code }: MappingFields,
  problem: Kit['problem'],
): (facts: AnswerFacts) => string | undefined {
  const parameter = scope.visible.get(name);
  if (parameter === undefined) {
    problem([code], `there is no parameter "${name}"; ${describeAllowed(scope.visible.keys(), name)}`);
    return () => undefined;
  }
  const read = resolve(parameter);
  return (facts) => {
    const value = read(facts);
    return value === undefined || value === null ? undefined : String(value);
  };
}

function reportSubject(
  mapping: MappingConfig,
  code: string | undefined,
  path: Path,
  fields: MappingFields,
  problem: Kit['problem'],
): void {
  if (mapping.code === undefined && mapping.when === undefined)
    problem(path, `a mapping must have "code", "${fields.mappingWhen}" or both`);
  if (mapping.code !== undefined && code === undefined)
    problem([...path, 'code'], `allowed where "${fields.code}" names the parameter to compare it with`);
}

/** What was said of the backend's body, and does not hold for another one. */
const ofBody: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'digest',
  'etag',
  'last-modified',
  'repr-digest',
]);

/** In place: what is bound before this, and the transformer, see the mapped answer. */
function apply(answer: AnswerTemplate<AnswerFacts>, facts: AnswerFacts): void {
  // All texts first: they may show what the answer was.
  const message = answer.message?.(facts);
  const headers = answer.headers.map(([name, value]) => [name, value(facts)] as const);
  const body = answer.body?.(facts);
  const { inbound } = facts;
  if (answer.status !== undefined) inbound.status = answer.status;
  if (body !== undefined) {
    inbound.headers.deleteAll(ofBody);
    inbound.setBody(body);
  }
  if (message !== undefined) tell(inbound, message);
  for (const [name, value] of headers) inbound.headers.set(name, value);
}

function tell(inbound: Inbound, message: string): void {
  inbound.headers.set('X-Ca-Error-Message', fieldValue(message));
  // The body of a refusal that has none here is rendered later, with its message.
  if (inbound.refusal !== undefined) inbound.refusal = { ...inbound.refusal, message };
}
