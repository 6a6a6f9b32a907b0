import { OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import type { Config, Identity } from './options.ts';

const anyCase = (word: string): string =>
  word.replaceAll(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);

const Place = (places: readonly string[]) =>
  Type.String({ pattern: `^(?:${places.map(anyCase).join('|')})$`, allowed: places.join(', ') });

const Document = Options({
  parameters: Type.Optional(Type.Record(Type.String(), Type.String())),
  authUriType: OneOf(['HTTP', 'HTTP-VPC'], { default: 'HTTP' }),
  authUri: Options({
    address: Type.Optional(Type.String({ minLength: 1 })),
    vpcAccessName: Type.Optional(Type.String({ minLength: 1, description: 'The channel, with HTTP-VPC.' })),
    path: Type.String({ default: '/' }),
    method: Type.String({ default: 'GET', pattern: '^[A-Za-z]+$', allowed: 'a method' }),
    timeout: Type.Integer({ minimum: 1, maximum: 10_000, default: 10_000, description: 'Milliseconds.' }),
  }),
  passThroughBody: Type.Boolean({ default: false }),
  passThroughPath: Type.Boolean({ default: false }),
  cachedTimeBySecond: Type.Integer({ minimum: 0, maximum: 600, default: 0 }),
  trimAuthorizationHeaderPrefix: Type.Optional(Type.String({ minLength: 1 })),
  authParameters: Type.Array(
    Options({
      targetParameterName: Type.String({ minLength: 1 }),
      sourceParameterName: Type.String({ minLength: 1 }),
      targetLocation: Place(['header', 'query', 'form']),
      sourceLocation: Place(['header', 'query', 'cookie', 'path', 'form']),
    }),
    { default: [], maxItems: 16 },
  ),
  successCondition: Type.Optional(Type.String({ minLength: 1 })),
  errorMessage: Type.Optional(Type.String({ minLength: 1 })),
  errorStatusCode: Type.Optional(Type.Integer({ minimum: 400, maximum: 599 })),
  errorPassThroughHeaderList: Type.Optional(Type.String({ description: 'Names with commas.' })),
});
type Document = Static<typeof Document>;
type Parameter = Document['authParameters'][number];

const methods = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH'] as const;

/** The remoteAuth plug-in of Alibaba Cloud API Gateway (doc 452461). */
export const fromAlibaba = defineDialect(Document, (document: Document, problem): Config => {
  const { authUri, authUriType, successCondition, cachedTimeBySecond } = document;
  const wanted = authUriType === 'HTTP' ? 'address' : 'vpcAccessName';
  if (authUri[wanted] === undefined)
    problem(['authUri'], `"${wanted}" is missing, which ${authUriType} needs`);
  const method = methods.find((each) => each === authUri.method.toUpperCase());
  if (method === undefined)
    problem(['authUri', 'method'], `found ${authUri.method}; allowed: ${methods.join(', ')}`);
  if (cachedTimeBySecond > 0 && document.authParameters.length === 0)
    problem(['cachedTimeBySecond'], 'answers are kept by `authParameters`, and there are none');
  return {
    ...(authUriType === 'HTTP'
      ? { address: authUri.address ?? '' }
      : { channel: authUri.vpcAccessName ?? '' }),
    path: authUri.path,
    method: method ?? 'GET',
    timeoutMs: authUri.timeout,
    identities: document.authParameters.map((each) =>
      identityOf(each, document.trimAuthorizationHeaderPrefix, cachedTimeBySecond > 0),
    ),
    ...(document.passThroughBody ? { body: { maxBytes: 12_582_912 } } : {}),
    originalPath: document.passThroughPath ? 'header' : 'none',
    parameters: document.parameters ?? {},
    ...(successCondition === undefined ? {} : { success: { condition: successCondition } }),
    cacheSeconds: cachedTimeBySecond,
    forwardHeaders: [],
    refusal: refusalOf(document),
    onOutage: 'refuse',
  };
});

/** With answers that are kept, callers who show nothing would share one: what they are kept by has to be there. */
function identityOf(parameter: Parameter, prefix: string | undefined, isKept: boolean): Identity {
  const { sourceLocation, sourceParameterName, targetLocation, targetParameterName } = parameter;
  const isAuthorization =
    sourceLocation.toLowerCase() === 'header' && sourceParameterName.toLowerCase() === 'authorization';
  return {
    in: sourceLocation.toLowerCase() as Identity['in'],
    name: sourceParameterName,
    required: isKept,
    ...(isAuthorization && prefix !== undefined ? { stripPrefix: prefix } : {}),
    as: {
      in: targetLocation.toLowerCase() as NonNullable<Identity['as']>['in'],
      name: targetParameterName,
    },
  };
}

function refusalOf({
  errorMessage,
  errorStatusCode,
  errorPassThroughHeaderList = '',
}: Document): Config['refusal'] {
  const names = errorPassThroughHeaderList.split(',').map((name) => name.trim());
  return {
    ...(errorStatusCode === undefined ? {} : { status: errorStatusCode }),
    ...(errorMessage === undefined ? {} : { message: errorMessage }),
    headers: errorMessage === undefined ? {} : { 'X-Ca-Error-Message': inField(errorMessage) },
    passHeaders: names.filter((name) => name !== ''),
    passBody: false,
  };
}

/** A field holds bytes: UTF-8, one character each. */
function inField(text: string): string {
  return Buffer.from(text.replaceAll(/[\x00-\x1f\x7f]+/g, ' '), 'utf8').toString('latin1');
}
