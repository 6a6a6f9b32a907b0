import { type Kit, Options, type Static, Type, defineDialect } from '#sdk';
import type { Config, RequestChange, ResponseChange } from './options.ts';
import { requestProblems } from './request.ts';
import { responseProblems } from './response.ts';

type Problem = Kit['problem'];

const Name = Type.String({ minLength: 1, maxLength: 256 });
const Value = Type.String({ maxLength: 4096 });
const Location = Type.String({
  pattern: '^([Hh][Ee][Aa][Dd][Ee][Rr]|[Qq][Uu][Ee][Rr][Yy]|[Ff][Oo][Rr][Mm])$',
  allowed: 'header, query, form',
});
const list = <T extends Parameters<typeof Type.Array>[0]>(of: T) =>
  Type.Array(of, { default: [], maxItems: 100 });

const RequestParameter = Options({ name: Name, value: Value, location: Location });
const ResponseHeader = Options({ name: Name, value: Value });

const Document = Options({
  addRequestParameterIfAbsent: list(RequestParameter),
  putRequestParameter: list(RequestParameter),
  removeRequestParameter: list(Options({ name: Name, location: Location })),
  setResponseStatusCode: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
  addResponseHeaderIfAbsent: list(ResponseHeader),
  putResponseHeader: list(ResponseHeader),
  removeResponseHeader: list(Options({ name: Name })),
});
type Document = Static<typeof Document>;

const maxBytes = 50 * 1024;

/** In this order: whoever removes and puts one name wants the own value only. */
const requestLists = [
  ['removeRequestParameter', 'remove'],
  ['putRequestParameter', 'set'],
  ['addRequestParameterIfAbsent', 'default'],
] as const;
const responseLists = [
  ['removeResponseHeader', 'remove'],
  ['putResponseHeader', 'set'],
  ['addResponseHeaderIfAbsent', 'default'],
] as const;

/** The transformer plug-in of Alibaba Cloud API Gateway. */
export const transformer = defineDialect(Document, (document: Document, problem: Problem): Config => {
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes)
    problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
  const { setResponseStatusCode: status } = document;
  const request = requestLists.flatMap(([field, action]) =>
    (document[field] as Partial<Document['putRequestParameter'][number]>[]).map((item, index) => {
      const change = { ...item, action, in: String(item.location).toLowerCase() } as unknown as RequestChange;
      report(requestProblems(change), [field, index], problem);
      return bare(change);
    }),
  );
  const response = responseLists.flatMap(([field, action]) =>
    document[field].map((item, index) => {
      const change: ResponseChange = { ...item, action };
      report(responseProblems(change), [field, index], problem);
      return change;
    }),
  );
  return { request, response, ...(status === undefined ? {} : { status }) };
});

function report(
  problems: Readonly<Record<string, string>>,
  path: readonly (string | number)[],
  problem: Problem,
): void {
  for (const [field, message] of Object.entries(problems)) problem([...path, field], message);
}

function bare({ action, in: place, name, value }: RequestChange): RequestChange {
  return { action, in: place, name, ...(value === undefined ? {} : { value }) };
}
