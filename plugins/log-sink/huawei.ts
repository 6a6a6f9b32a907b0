import { OneOf, Options, Secret, type Static, Type, defineDialect } from '#sdk';
import { type FieldName, consoleFields, customName, fieldNames } from './fields.ts';
import type { Config } from './options.ts';

const customNames = Array.from({ length: 10 }, (_each, index) => customName(index));
/** Of the words that the vendor has; our own are for the canonical options. */
const systemNames = fieldNames.slice(0, fieldNames.indexOf('environment'));

const Switch = Type.Optional(Type.Boolean());
const Filter = Type.Optional(
  Type.String({ description: 'Names with commas, * for any part; all when empty.' }),
);

const Document = Options({
  broker_list: Type.Array(Type.String({ pattern: '^[^\\s:]+:[0-9]{1,5}$', allowed: 'host:port' }), {
    minItems: 1,
  }),
  topic: Type.String({ pattern: '^[A-Za-z0-9._-]{1,249}$', allowed: 'letters, digits, ".", "_" and "-"' }),
  key: Type.Optional(Type.String()),
  max_retry_count: Type.Integer({ minimum: 0, maximum: 5, default: 3 }),
  retry_backoff: Type.Integer({ minimum: 1, maximum: 10, default: 1, description: 'Seconds.' }),
  sasl_config: Type.Optional(
    Options({
      security_protocol: Type.Optional(OneOf(['PLAINTEXT', 'SASL_PLAINTEXT', 'SASL_SSL'])),
      sasl_mechanisms: Type.Optional(OneOf(['PLAIN'])),
      sasl_username: Type.Optional(Type.String()),
      sasl_password: Type.Optional(Secret()),
      ssl_ca_content: Type.Optional(Type.String()),
    }),
  ),
  meta_config: Type.Optional(
    Options({
      system: Type.Optional(
        Options(Object.fromEntries([...systemNames, ...customNames].map((name) => [name, Switch]))),
      ),
      call_data: Type.Optional(
        Options({
          log_request_header: Switch,
          request_header_filter: Filter,
          log_request_query_string: Switch,
          request_query_string_filter: Filter,
          log_request_body: Switch,
          log_response_header: Switch,
          response_header_filter: Filter,
          log_response_body: Switch,
          custom_authorizer: Type.Optional(
            Options({
              frontend: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
              backend: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
            }),
          ),
        }),
      ),
    }),
  ),
});
type Document = Static<typeof Document>;

/** The kafka_log plug-in of Huawei Cloud APIG. */
export const fromHuawei = defineDialect(Document, (document: Document, problem): Config => {
  const { broker_list: brokers, topic, key, meta_config: meta } = document;
  return {
    kafka: {
      brokers,
      topic,
      ...(key === undefined || key === '' ? {} : { key }),
      ...securityOf(document, problem),
    },
    fields: fieldsOf(document),
    include: includeOf(meta?.call_data ?? {}),
    custom: [],
    labels: {},
    buffer: { maxBytes: 16_777_216, batchBytes: 65_536, batchMs: 1000 },
    retries: { count: document.max_retry_count, backoffMs: document.retry_backoff * 1000 },
  };
});

type Problem = (path: readonly (string | number)[], message: string) => void;

function securityOf(
  { sasl_config: config }: Document,
  problem: Problem,
): Partial<NonNullable<Config['kafka']>> {
  const {
    security_protocol: protocol = 'PLAINTEXT',
    sasl_username: username,
    sasl_password: password,
    ssl_ca_content: ca,
  } = config ?? {};
  if (protocol === 'PLAINTEXT') return {};
  for (const name of ['sasl_username', 'sasl_password'] as const)
    if (config?.[name] === undefined || config[name] === '')
      problem(['sasl_config'], `"${name}" is missing, which ${protocol} needs`);
  const sasl = { username: username ?? '', password: password ?? '' };
  if (protocol === 'SASL_PLAINTEXT') return { sasl };
  return { sasl, tls: ca === undefined || ca === '' ? {} : { ca } };
}

function fieldsOf({ meta_config: meta }: Document): FieldName[] {
  const system = meta?.system as Readonly<Record<string, boolean | undefined>> | undefined;
  if (system === undefined) return [...consoleFields];
  // What is not mentioned is as in the console.
  return systemNames.filter((name) => system[name] ?? consoleFields.includes(name));
}

type CallData = NonNullable<NonNullable<Document['meta_config']>['call_data']>;

function includeOf(data: CallData): Config['include'] {
  return {
    requestHeaders: namesOf(data.log_request_header, data.request_header_filter),
    query: namesOf(data.log_request_query_string, data.request_query_string_filter),
    tokenClaims: [],
    requestBody: data.log_request_body === true,
    responseHeaders: namesOf(data.log_response_header, data.response_header_filter),
    responseBody: data.log_response_body === true,
    authorizerFrontend: data.custom_authorizer?.frontend ?? [],
    authorizerBackend: data.custom_authorizer?.backend ?? [],
  };
}

function namesOf(isOn: boolean | undefined, filter = ''): string[] {
  if (isOn !== true) return [];
  const names = filter
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length === 0 ? ['*'] : names;
}
