import { Matching, OneOf, Options, Secret, type Static, Type } from '#sdk';
import { defaultFields, fieldNames } from './fields.ts';

const Count = (minimum: number, maximum: number, fallback: number, description: string) =>
  Type.Integer({ minimum, maximum, default: fallback, description });
const Names = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 100, default: [], description });

const Http = Options({
  url: Matching('^https?://[^\\s]+$', 'http://... or https://...', {
    description: 'Gets a POST for each batch.',
  }),
  headers: Type.Optional(
    Type.Record(Type.String(), Secret(), { description: 'Fields of each request, such as a token.' }),
  ),
  timeoutMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 60_000,
      description: 'Longest wait for an answer, 5000 unless given.',
    }),
  ),
  format: Type.Optional(
    OneOf(['ndjson', 'json'], { description: 'Lines, or one JSON array; `ndjson` unless given.' }),
  ),
});

const Syslog = Options({
  address: Matching('^(?:udp|tcp|tls)://[^\\s/]+$', 'udp://host:port, tcp://host:port or tls://host:port', {
    description: 'The server; port 514, with TLS 6514, unless given.',
  }),
  facility: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 23, description: '16 (local0) unless given.' }),
  ),
  appName: Type.Optional(
    Matching('^[!-~]{1,48}$', '1 to 48 printable characters', { description: '`tapgate` unless given.' }),
  ),
  ca: Type.Optional(
    Type.String({ description: 'PEM of the authorities that the server is checked against.' }),
  ),
});

const Kafka = Options({
  brokers: Type.Array(Matching('^[^\\s:]+:[0-9]{1,5}$', 'host:port'), { minItems: 1, maxItems: 100 }),
  topic: Matching('^[A-Za-z0-9._-]{1,249}$', 'a name of letters, digits, ".", "_" and "-"'),
  key: Type.Optional(Type.String({ minLength: 1, description: 'The key of every message.' })),
  sasl: Type.Optional(
    Options(
      { username: Type.String({ minLength: 1 }), password: Secret({ minLength: 1 }) },
      { description: 'SASL/PLAIN.' },
    ),
  ),
  tls: Type.Optional(
    Options(
      {
        ca: Type.Optional(
          Type.String({ description: 'PEM of the authorities that brokers are checked against.' }),
        ),
      },
      { description: 'Present: connections are encrypted.' },
    ),
  ),
  timeoutMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 60_000,
      description: 'Longest wait for the brokers, 10000 unless given.',
    }),
  ),
});

const Include = {
  ...Options({
    requestHeaders: Names('Names of fields, `*` standing for any part.'),
    query: Names('Names of query parameters, `*` standing for any part.'),
    tokenClaims: Names("Names of claims of the caller's token."),
    requestBody: Type.Boolean({ default: false, description: 'The first 4096 characters of the content.' }),
    responseHeaders: Names('Names of fields, `*` standing for any part.'),
    responseBody: Type.Boolean({ default: false, description: 'The first 4096 characters of the content.' }),
    authorizerFrontend: Names('What the custom authorizer said of the caller, by name.'),
    authorizerBackend: Names("What the backend's authorizer said, by name."),
  }),
  description: 'What of requests and answers is told beside `fields`.',
  default: {},
};

export const Config = Options({
  file: Type.Optional(Options({ path: Type.String({ minLength: 1, description: 'Appended to.' }) })),
  http: Type.Optional(Http),
  syslog: Type.Optional(Syslog),
  kafka: Type.Optional(Kafka),
  fields: Type.Array(OneOf(fieldNames), {
    default: [...defaultFields],
    uniqueItems: true,
    description: 'What a line tells.',
  }),
  include: Include,
  custom: Type.Array(
    Options({
      in: OneOf(['header', 'query', 'cookie']),
      name: Type.String({ minLength: 1, maxLength: 256 }),
    }),
    { maxItems: 10, default: [], description: 'Told as custom_data_log01 and so on.' },
  ),
  labels: Type.Record(Type.String(), Type.String(), { default: {}, description: 'Told in every line.' }),
  buffer: {
    ...Options({
      maxBytes: Count(65_536, 1_073_741_824, 16_777_216, 'How much may wait; lines beyond are lost.'),
      batchBytes: Count(1, 4_194_304, 65_536, 'How much is sent at once.'),
      batchMs: Count(1, 60_000, 1000, 'How long less than that waits, in milliseconds.'),
    }),
    description: 'What is held until it is taken, in bytes.',
    default: {},
  },
  retries: {
    ...Options({
      count: Count(0, 100, 3, 'How often a batch is sent again.'),
      backoffMs: Count(1, 60_000, 1000, 'After how many milliseconds.'),
    }),
    description: 'What happens to a batch that is not taken.',
    default: {},
  },
});
export type Config = Static<typeof Config>;
export type HttpOptions = NonNullable<Config['http']>;
export type SyslogOptions = NonNullable<Config['syslog']>;
export type KafkaOptions = NonNullable<Config['kafka']>;
