import { type Kit, Options, type Static, Type, defineDialect } from '#sdk';
import { reportParameters, resolveNothing } from '#sdk/expressions';
import { type MappingFields, compileErrorMapping } from './map.ts';
import { type Config, defaultBodyBytes } from './options.ts';

const answer = {
  statusCode: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
  errorMessage: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  responseHeaders: Type.Record(Type.String({ minLength: 1 }), Type.String(), { default: {} }),
  responseBody: Type.Optional(Type.String()),
};
const Answer = Options(answer);

const Document = Options({
  parameters: Type.Record(Type.String({ minLength: 1 }), Type.String()),
  errorCondition: Type.String(),
  errorCode: Type.Optional(Type.String()),
  mappings: Type.Array(
    Options({
      // Codes such as 1001 are often written without quotes.
      code: Type.Optional(Type.Union([Type.String(), Type.Number()])),
      condition: Type.Optional(Type.String()),
      ...answer,
    }),
    { maxItems: 100 },
  ),
  defaultMapping: Type.Optional(Answer),
});

const maxBytes = 50 * 1024;
const fields: MappingFields = {
  when: 'errorCondition',
  code: 'errorCode',
  mappings: 'mappings',
  mappingWhen: 'condition',
  otherwise: 'defaultMapping',
  message: 'errorMessage',
  headers: 'responseHeaders',
  body: 'responseBody',
};

/** The error code mapping plug-in of Alibaba Cloud API Gateway. */
export const errorMapping = defineDialect(Document, (document, problem: Kit['problem']): Config => {
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes)
    problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
  const { parameters, errorCondition, errorCode, mappings, defaultMapping } = document;
  const config: Config = {
    parameters,
    when: errorCondition,
    maxBodyBytes: defaultBodyBytes,
    mappings: mappings.map(({ code, condition, ...rest }) => ({
      ...(code === undefined ? {} : { code: String(code) }),
      ...(condition === undefined ? {} : { when: condition }),
      ...translate(rest),
    })),
    ...(errorCode === undefined ? {} : { code: errorCode }),
    ...(defaultMapping === undefined ? {} : { otherwise: translate(defaultMapping) }),
  };
  const scope = reportParameters(parameters, { phase: 'response' }, ['parameters'], problem);
  compileErrorMapping(config, { scope, resolve: resolveNothing }, fields, problem);
  return config;
});

function translate({ statusCode, errorMessage, responseHeaders, responseBody }: Static<typeof Answer>) {
  return {
    headers: responseHeaders,
    ...(statusCode === undefined ? {} : { status: statusCode }),
    ...(errorMessage === undefined ? {} : { message: errorMessage }),
    ...(responseBody === undefined ? {} : { body: responseBody }),
  };
}
