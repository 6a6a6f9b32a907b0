import { type Static, Options, Type } from '#sdk';

/** What an isolate may answer; everything else is a fault. */
const text = (maxLength: number) => Type.String({ maxLength });
const list = <T extends Parameters<typeof Type.Array>[0]>(of: T, maxItems: number) =>
  Type.Array(of, { maxItems });

const Content = Type.Union([
  Type.Null(),
  Options({ text: Type.String() }),
  Options({ base64: Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' }) }),
]);
export type Content = Static<typeof Content>;

const Refused = Options({
  kind: text(100),
  message: Type.Optional(text(1000)),
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
  headers: Type.Optional(Type.Record(Type.String(), text(8192))),
  cause: Type.Optional(text(1000)),
});

const Answered = Options({
  status: Type.Integer({ minimum: 200, maximum: 599 }),
  headers: list(text(8192), 200),
  body: Content,
  refusal: Type.Optional(Refused),
});
export type Answered = Static<typeof Answered>;

const Id = Type.String({ minLength: 1, maxLength: 256, pattern: '^[^\\x00-\\x1f\\x7f]+$' });
const IdentityShape = Options({
  type: Id,
  id: Id,
  app: Type.Optional(Options({ id: Id, name: Id, key: Id })),
  user: Type.Optional(Options({ id: Id, name: Id, account: Id })),
  claims: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** `set`, `append` or `delete`, a name, and for the first two a value. */
const FieldChange = Type.Array(text(8192), { minItems: 2, maxItems: 3 });
export type FieldChange = Static<typeof FieldChange>;

const Changes = Options({
  /** Of the fields of the request as it came. */
  exchange: list(FieldChange, 200),
  /** Of the fields of the outbound request or of the answer. */
  headers: list(FieldChange, 200),
  identity: Type.Optional(Type.Union([Type.Null(), IdentityShape])),
  notes: Type.Optional(list(Type.Array(Type.Unknown(), { minItems: 1, maxItems: 2 }), 50)),
  method: Type.Optional(Type.String({ pattern: '^[A-Z][A-Z-]{0,31}$' })),
  origin: Type.Optional(Type.Unknown()),
  host: Type.Optional(Type.Unknown()),
  path: Type.Optional(Type.String({ pattern: '^/[^\\x00-\\x20\\x7f-\\uffff?#]*$', maxLength: 16_384 })),
  rawQuery: Type.Optional(Type.String({ pattern: '^[^\\x00-\\x20\\x7f-\\uffff#]*$', maxLength: 16_384 })),
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599 })),
  body: Type.Optional(Content),
});
export type Changes = Static<typeof Changes>;

/** Of a hook's handler. */
export const Handled = Options({
  isUnbound: Type.Optional(Type.Literal(true)),
  changes: Type.Optional(Changes),
  reply: Type.Optional(Answered),
  backend: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type Handled = Static<typeof Handled>;

const Line = Type.String({ maxLength: 500, pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$' });
const Name = Type.String({ maxLength: 100, pattern: '^[A-Za-z][A-Za-z0-9]*$' });

/** Of `bind`. */
export const BoundShape = Options({
  wrong: Type.Optional(Line),
  hooks: Type.Optional(list(Type.Tuple([Name, text(20)]), 50)),
  stages: Type.Optional(Type.Record(Name, Type.Unknown())),
  problems: Type.Optional(list(Type.Array(Type.Unknown(), { minItems: 2, maxItems: 3 }), 50)),
  backends: Type.Optional(
    list(
      Options({
        definition: Type.Record(Type.String(), Type.Unknown()),
        path: Type.Array(Type.Union([Type.String(), Type.Integer()]), { maxItems: 50 }),
      }),
      50,
    ),
  ),
});
export type BoundShape = Static<typeof BoundShape>;

const FieldName = Type.String({ pattern: "^(?:\\*|[!#$%&'*+\\-.^_`|~0-9a-z]+)$", maxLength: 256 });
const maxContent = 8 * 1024 * 1024;
const Needs = Options({
  headers: Type.Optional(list(FieldName, 100)),
  answerHeaders: Type.Optional(list(FieldName, 100)),
  bodyBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: maxContent })),
  answerBodyBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: maxContent })),
});

/** What a plugin says of itself. */
export const Described = Options({
  keys: Type.Union([Type.Null(), list(Name, 50)]),
  name: Type.Optional(Type.Unknown()),
  summary: Type.Optional(Line),
  schema: Type.Optional(text(256 * 1024)),
  apiField: Type.Optional(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9.]{0,63}$' })),
  needs: Type.Optional(Needs),
});
export type Described = Static<typeof Described>;
