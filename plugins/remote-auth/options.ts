import { Matching, OneOf, Options, type Static, Type } from '#sdk';
import { RuleParameter } from '#sdk/expressions';

const FieldName = Matching("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", 'the name of a header');
const Text = (description: string) => Type.String({ minLength: 1, maxLength: 1024, description });

const Identity = Options({
  in: OneOf(['header', 'query', 'cookie', 'path', 'form'], { description: 'Where the caller sends it.' }),
  name: Text('What the caller calls it.'),
  required: Type.Boolean({ default: false, description: 'Whether a request without it is refused (401).' }),
  stripPrefix: Type.Optional(Text('What is taken off its beginning, in any letter case, such as `Bearer `.')),
  as: Type.Optional(
    Options(
      { in: OneOf(['header', 'query', 'form']), name: Text('What the service calls it.') },
      { description: 'Where the service gets it; as the caller sent it unless given.' },
    ),
  ),
});
export type Identity = Static<typeof Identity>;

const Rule = Options({
  name: Text('For explain.'),
  when: Text('JSON text: ["name","==","value"], or ["AND", ...] and ["OR", ...] of such.'),
});

export const Config = Options({
  address: Type.Optional(Text('The service: http://host, https://host:port.')),
  channel: Type.Optional(Text('A channel whose members are the service, instead of `address`.')),
  scheme: Type.Optional(OneOf(['http', 'https'], { description: 'How members of the channel are called.' })),
  hostHeader: Type.Optional(Text('The `Host` to send; that of `address` unless given.')),
  path: Matching('^/[^\\s?#]*$', 'a path, which starts with / and has no query', {
    default: '/',
    description: 'Where the service is asked.',
  }),
  method: OneOf(['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'PATCH'], {
    default: 'GET',
    description: 'How the service is asked.',
  }),
  timeoutMs: Type.Integer({
    minimum: 1,
    maximum: 60_000,
    default: 5000,
    description: 'Longest time until the whole answer, in milliseconds.',
  }),
  identities: Type.Array(Identity, {
    maxItems: 20,
    default: [],
    description: 'What the service is told; all header fields and query parameters when there are none.',
  }),
  body: Type.Optional(
    Options(
      {
        maxBytes: Type.Integer({
          minimum: 1,
          maximum: 12_582_912,
          default: 1_048_576,
          description: 'Longest content; a request with more is refused (413).',
        }),
      },
      { description: 'Present: the service gets the content of the request, too.' },
    ),
  ),
  originalPath: OneOf(['none', 'append', 'header'], {
    default: 'none',
    description:
      'Whether the path of the request is appended to `path`, or sent as X-Ca-Remote-Auth-Raw-Path.',
  }),
  parameters: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: 'What `success.condition` may name, of the answer: StatusCode, Header:x, BodyJsonField:$.x.',
  }),
  success: Type.Optional(
    Options(
      {
        condition: Type.Optional(Text('Such as `$statusCode = 200`; statusCode is always there.')),
        header: Type.Optional(Options({ name: FieldName, value: Type.String({ maxLength: 1024 }) })),
      },
      { description: 'When the answer lets the caller through; any 2xx unless given.' },
    ),
  ),
  cacheSeconds: Type.Integer({
    minimum: 0,
    maximum: 600,
    default: 0,
    description: 'How long a caller who was let through is not asked about again, by the identities.',
  }),
  forwardHeaders: Type.Array(FieldName, {
    maxItems: 10,
    default: [],
    description: 'Fields of the answer that the backend gets; a caller cannot send them.',
  }),
  identityHeader: Type.Optional({
    ...FieldName,
    description: 'The field of the answer that names the caller for limits and logs.',
  }),
  refusal: {
    ...Options({
      status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599, description: '401 unless given.' })),
      message: Type.Optional(Text('What the caller is told.')),
      headers: Type.Record(Type.String(), Type.String(), {
        default: {},
        description: 'Fields of the refusal.',
      }),
      passHeaders: Type.Array(FieldName, {
        maxItems: 20,
        default: [],
        description: "Fields of the service's answer that the caller gets.",
      }),
      passBody: Type.Boolean({
        default: false,
        description: "Whether the caller gets the service's status and content instead of the gateway's.",
      }),
    }),
    description: 'What a caller gets who is refused.',
    default: {},
  },
  onOutage: OneOf(['refuse', 'admit'], {
    default: 'refuse',
    description: 'What becomes of callers while the service cannot be reached or answers 5xx.',
  }),
  block: Type.Optional(
    Options(
      {
        failures: Type.Integer({
          minimum: 1,
          maximum: 100_000,
          description: 'How many within five minutes.',
        }),
      },
      { description: 'Refuses an address for the rest of five minutes after so many refusals.' },
    ),
  ),
  only: Type.Optional(
    Options(
      {
        mode: OneOf(['skip', 'ask'], {
          description: '`skip`: requests that a rule matches are not asked about. `ask`: only those are.',
        }),
        parameters: Type.Array(RuleParameter, {
          default: [],
          maxItems: 50,
          description: 'What rules may name beside reqPath and method: {type, name, value}.',
        }),
        rules: Type.Array(Rule, { minItems: 1, maxItems: 100 }),
      },
      { description: 'Which requests the service is asked about; all unless given.' },
    ),
  ),
});
export type Config = Static<typeof Config>;
