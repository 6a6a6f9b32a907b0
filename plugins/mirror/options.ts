import { Matching, OneOf, Options, type Static, Type, defineDialect } from '#sdk';

const Path = () =>
  Type.Optional(Matching('^/[!"$->@-~]*$', 'a path that starts with /, in printable ASCII, without a query'));

export const Config = Options({
  address: Type.String({
    minLength: 1,
    description: '`http://host`, `https://host:port`, or `host:port`: who gets the copies.',
  }),
  path: Path(),
  pathMode: OneOf(['replace', 'prefix'], {
    default: 'replace',
    description: "Whether `path` stands for the request's or before it. Without `path` it is the request's.",
  }),
  ratio: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1,
    description: 'The part of the requests that is copied, from 0 to 1.',
  }),
  timeoutMs: Type.Integer({
    minimum: 1,
    maximum: 60_000,
    default: 5000,
    description: 'Longest wait for the head of an answer, and between two pieces of it.',
  }),
  withBody: Type.Boolean({
    default: true,
    description: 'Whether content is copied too; copies have none otherwise.',
  }),
  maxBodyBytes: Type.Integer({
    minimum: 0,
    maximum: 12_582_912,
    default: 262_144,
    description: 'Requests with more content, or of unknown length, are not copied.',
  }),
  maxInFlight: Type.Integer({
    minimum: 1,
    maximum: 1000,
    default: 64,
    description: 'Copies that are under way at once; others are dropped.',
  }),
});

export type Config = Static<typeof Config>;

const Document = Options({
  protocol: OneOf(['HTTP', 'HTTPS', 'http', 'https']),
  host: Matching('^[^/?#@\\s]+$', 'host:port'),
  path: Path(),
  path_concat_mode: OneOf(['replace', 'prefix'], { default: 'replace' }),
  sample_ratio: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  timeout: Type.Integer({ minimum: 1, maximum: 60_000, default: 5000, description: 'Milliseconds.' }),
  mirror_request_body_enabled: Type.Boolean({ default: true }),
});

/** The traffic mirroring plug-in of Huawei Cloud API Gateway. */
export const proxyMirror = defineDialect(Document, (document: Static<typeof Document>): Config => {
  const { protocol, host, path, path_concat_mode: pathMode, sample_ratio: ratio, timeout } = document;
  return {
    address: `${protocol.toLowerCase()}://${host}`,
    ...(path === undefined ? {} : { path }),
    pathMode,
    ratio,
    timeoutMs: timeout,
    withBody: document.mirror_request_body_enabled,
    maxBodyBytes: 262_144,
    maxInFlight: 64,
  };
});
