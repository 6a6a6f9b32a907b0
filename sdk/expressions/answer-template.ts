import { fieldNameProblem, fieldValue, fieldValueProblem } from '../field-names.ts';
import { bodyType, encoderFor } from './answer-body.ts';
import type { CompileOptions } from './bind.ts';
import type { Template } from './interpolate.ts';
import { type ReportProblem, reportTemplate } from './reporting.ts';

/** An answer as a configuration words it; all but the status may hold `${name}`. */
export interface AnswerText {
  readonly status?: number | undefined;
  readonly message?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
}

/** What the parts are called where they are written, for problems. */
export interface AnswerFields {
  readonly message: string;
  readonly headers: string;
  readonly body: string;
}

/** An answer, compiled. */
export interface AnswerTemplate<T> {
  readonly status: number | undefined;
  /** Plain text; `fieldValue` makes it fit for a header field. */
  readonly message: Template<T> | undefined;
  /** Ready for `Fields`. With a body there is a `Content-Type` among them. */
  readonly headers: readonly (readonly [name: string, value: Template<T>])[];
  readonly body: Template<T> | undefined;
}

/**
 * Compiles an answer of the vendor's plug-ins (Alibaba Cloud API Gateway: accessControl, errorMapping), with every problem
 * reported where it stands.
 *
 * A body whose `Content-Type` is not given is `application/json` when it is JSON, else `text/plain`. Values are put in as
 * the type asks for: escaped in the texts of JSON and written as JSON values elsewhere in it, as entities in HTML and XML.
 */
export function reportAnswer<T>(
  { status, message, headers = {}, body }: AnswerText,
  options: CompileOptions<T>,
  fields: AnswerFields,
  path: readonly (string | number)[],
  problem: ReportProblem,
): AnswerTemplate<T> {
  const compiled = Object.entries(headers).map(([name, value]) => {
    const at = [...path, fields.headers, name];
    const wrong = fieldNameProblem(name, 'answer') ?? fieldValueProblem(value);
    if (wrong !== undefined) problem(at, wrong);
    const template = reportTemplate(value, options, at, problem);
    return [name, (target: T) => fieldValue(template(target))] as const;
  });
  const given = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const type = body === undefined ? undefined : (given ?? bodyType(body));
  return {
    status,
    message:
      message === undefined
        ? undefined
        : reportTemplate(message, options, [...path, fields.message], problem),
    headers:
      type === undefined || given !== undefined ? compiled : [['Content-Type', () => type], ...compiled],
    body:
      body === undefined || type === undefined
        ? undefined
        : reportTemplate(
            body,
            { ...options, encode: encoderFor(type, body) },
            [...path, fields.body],
            problem,
          ),
  };
}
