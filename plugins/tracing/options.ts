import { OneOf, Options, Secret, type Static, Type } from '#sdk';

/** The defaults of batches are OpenTelemetry's (BatchSpanProcessor), but for the shorter wait. */
export const TracingSchema = Options(
  {
    // Secret: some services have a token in the path.
    endpoint: Type.String({
      pattern: '^https?://[^@/?#\\s]+(?:/[^?#\\s]*)?$',
      allowed: 'http://host:port or https://host:port, with a path if wanted',
      secret: true,
      description: 'Where spans are posted (OTLP/HTTP); `/v1/traces` there when it has no path.',
    }),
    encoding: OneOf(['json', 'protobuf'], {
      default: 'json',
      description: 'JSON costs half the CPU time, protobuf half the bytes.',
    }),
    headers: Type.Record(
      Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }),
      Secret({ pattern: '^[\\t\\x20-\\x7e]*$' }),
      {
        default: {},
        additionalProperties: false,
        description: 'Fields to send with them, such as a token.',
      },
    ),
    ca: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "PEM file: the authorities of the collector's certificate; the well-known ones when absent.",
      }),
    ),
    timeoutMs: Type.Integer({
      minimum: 1,
      maximum: 60_000,
      default: 10_000,
      description: "Longest wait for the collector's answer, and for the last spans when the gateway stops.",
    }),
    ratio: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 1,
      description:
        'How many of the traces that begin here are sampled. Others are sampled when their caller says so.',
    }),
    service: Type.String({ minLength: 1, default: 'tapgate', description: '`service.name` of the spans.' }),
    resource: Type.Record(Type.String({ minLength: 1 }), Type.String(), {
      default: {},
      description: 'Further attributes of the gateway, such as `deployment.environment.name`.',
    }),
    query: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Query parameters whose values may be shown. Others stand in no span.',
    }),
    batch: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 512,
      description: 'Most spans in one message.',
    }),
    delayMs: Type.Integer({
      minimum: 1,
      maximum: 60_000,
      default: 1000,
      description: 'A span is sent after this time, or with a full batch.',
    }),
    queue: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 2048,
      description: 'Most spans that wait; further ones are dropped, and counted.',
    }),
  },
  { description: 'OpenTelemetry traces; there are none when absent.' },
);

export type TracingConfig = Static<typeof TracingSchema>;
