import { Matching, OneOf, Options, type Static, Type } from '#sdk';

const Seconds = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });
const FieldName = Matching("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]{1,128}$", 'the name of a header field');

export const Config = Options({
  store: OneOf(['memory', 'shared'], {
    default: 'memory',
    description: "Where answers are kept: in the process, or in the gateway's `state.store`.",
  }),
  methods: Type.Array(OneOf(['GET', 'HEAD']), {
    default: ['GET', 'HEAD'],
    minItems: 1,
    uniqueItems: true,
    description: 'What is answered from here. HEAD is answered with what GET stored.',
  }),
  maxAnswerBytes: Type.Integer({
    minimum: 1,
    maximum: 67_108_864,
    default: 1_048_576,
    description: 'An answer with more content passes by and is not stored.',
  }),
  key: {
    ...Options(
      {
        query: Type.Optional(
          Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
            maxItems: 100,
            description: 'Names of query parameters that tell answers apart; all of the query when absent.',
          }),
        ),
        parameters: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
          default: [],
          maxItems: 100,
          description:
            'Parameters of the API that tell answers apart, by the names that its backend knows them under.',
        }),
        headers: Type.Array(FieldName, {
          default: [],
          maxItems: 100,
          description: 'Names of request fields that tell answers apart, beside those that `Vary` names.',
        }),
        context: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          maxItems: 20,
          description: 'Facts of the request that tell answers apart, such as `sourceIp`.',
        }),
      },
      {
        description: 'What tells answers apart, beside API, environment, scheme, host, port and path.',
      },
    ),
    default: {},
  },
  callers: OneOf(['rules', 'apps', 'perApp', 'perCaller', 'everybody'], {
    default: 'rules',
    description:
      'With whom an answer to a caller who said who they are is shared: as RFC 9111 section 3.5 allows; with all apps; with the same app; with the same caller; with everybody.',
  }),
  callerCacheControl: {
    ...Options(
      {
        mode: OneOf(['off', 'all', 'apps'], { default: 'all' }),
        apps: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          maxItems: 1000,
          description: 'Ids, keys or names of apps, for `mode: apps`.',
        }),
      },
      { description: 'Whose `Cache-Control` in requests is obeyed.' },
    ),
    default: {},
  },
  lifetimes: Type.Array(
    Options({
      statuses: Type.Optional(
        Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
          minItems: 1,
          description: 'All statuses when absent.',
        }),
      ),
      seconds: Seconds,
    }),
    {
      default: [],
      maxItems: 50,
      description: 'How long answers are fresh whose backend says nothing about it. The first that fits.',
    },
  ),
  onlyStatuses: Type.Optional(
    Type.Array(Type.Integer({ minimum: 200, maximum: 599 }), {
      description: 'Statuses that are stored; all when absent.',
    }),
  ),
  heuristic: {
    ...Options(
      {
        percent: Type.Integer({ minimum: 0, maximum: 100, default: 10 }),
        maxSeconds: { ...Seconds, default: 86_400 },
      },
      {
        description:
          'How long an answer with `Last-Modified` alone is taken for fresh: a share of the time since then.',
      },
    ),
    default: {},
  },
  staleWhileRevalidateSeconds: {
    ...Seconds,
    default: 0,
    description:
      'How long a stale answer is given while the backend is asked; the backend may say otherwise.',
  },
  staleIfErrorSeconds: {
    ...Seconds,
    default: 0,
    description:
      'How long a stale answer is given when the backend answers 500, 502, 503 or 504; it may say otherwise.',
  },
  staleIfUnreachableSeconds: {
    ...Seconds,
    default: 60,
    description: 'How long a stale answer is given when the backend cannot be reached.',
  },
  obeyStaleDirectives: Type.Boolean({
    default: true,
    description: 'Whether `stale-while-revalidate` and `stale-if-error` of the backend count.',
  }),
  targetedFields: Type.Array(FieldName, {
    default: ['CDN-Cache-Control'],
    maxItems: 10,
    description:
      'Fields of the backend that come before its `Cache-Control` (RFC 9213), the first one first.',
  }),
  storedFields: Type.Optional(
    Type.Array(FieldName, {
      maxItems: 100,
      description:
        'Fields of the backend that are stored, beside those that describe the content; all when absent.',
    }),
  ),
  storeSetCookie: Type.Boolean({
    default: false,
    description: 'Whether an answer that sets a cookie may be stored, and its cookie given to others.',
  }),
  collapseTimeoutMs: Type.Integer({
    minimum: 0,
    maximum: 600_000,
    default: 5000,
    description: 'How long callers wait for an answer that another one has asked for; 0 for not at all.',
  }),
  cacheStatus: Type.Optional(
    Matching("^[A-Za-z*][!#$%&'*+\\-.^_`|~0-9A-Za-z:/]{0,63}$", 'a token, such as Tapgate', {
      description: 'The name of this cache in the field `Cache-Status` (RFC 9211); not sent when absent.',
    }),
  ),
  hitField: Type.Optional(
    Options(
      { name: FieldName, value: Matching('^[\\x20-\\x7e]{1,256}$', 'printable ASCII') },
      { description: 'A field added to answers from here.' },
    ),
  ),
  onDebugDomain: Type.Boolean({
    default: true,
    description:
      "Whether calls to the group's own subdomain, which is for trying out, are answered from here.",
  }),
});

export type Config = Static<typeof Config>;

export const Section = Options({
  maxBytes: Type.Integer({
    minimum: 0,
    maximum: 8_589_934_592,
    default: 67_108_864,
    description:
      'Memory for answers, of all caches of the gateway together. What was not asked for longest goes first.',
  }),
});

export type Section = Static<typeof Section>;

export const defaults: Section = { maxBytes: 67_108_864 };
