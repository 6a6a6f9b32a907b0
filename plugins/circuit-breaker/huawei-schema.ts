import { OneOf, Options, type Static, type TSchema, Type } from '#sdk';
import { RuleParameter } from '#sdk/expressions';

/** Consoles and exports write `null` for what is not there. Not a union: its parts could have no defaults. */
function Maybe<S extends TSchema>(schema: S) {
  const { enum: words } = schema as { readonly enum?: readonly unknown[] };
  const orNull = { ...schema, nullable: true, ...(words === undefined ? {} : { enum: [...words, null] }) };
  return Type.Optional(Type.Unsafe<Static<S> | null>(orNull));
}

const Text = Type.String({ maxLength: 512 });
const Timeout = Type.Integer({ minimum: 1, maximum: 600_000, description: 'Milliseconds.' });

const http = {
  isVpc: Maybe(Type.Boolean()),
  vpc_channel_id: Maybe(Text),
  vpc_channel_proxy_host: Maybe(Text),
  address: Maybe(Text),
  scheme: Maybe(OneOf(['HTTP', 'HTTPS', 'http', 'https'])),
  method: Maybe(Text),
  path: Maybe(Text),
  timeout: Maybe(Timeout),
};
const HttpInfo = Options(http);

const FunctionInfo = Options({
  function_urn: Type.String({ minLength: 1, maxLength: 512 }),
  invocation_type: Maybe(OneOf(['sync', 'async'])),
  network_type: Maybe(OneOf(['V1', 'V2'])),
  version: Maybe(Text),
  alias_urn: Maybe(Text),
  timeout: Maybe(Timeout),
  is_send_fg_body_base64: Maybe(Type.Boolean()),
});

const MockInfo = Options({
  status_code: Maybe(Type.Integer({ minimum: 200, maximum: 599 })),
  result_content: Maybe(Type.String({ maxLength: 65_535 })),
  headers: Maybe(
    Type.Array(
      Options({ key_name: Maybe(Text), name: Maybe(Text), key_value: Maybe(Text), value: Maybe(Text) }),
    ),
  ),
});

const Backend = Options({
  type: OneOf(['http', 'http_vpc', 'function', 'mock', 'passthrough']),
  http_info: Maybe(HttpInfo),
  http_vpc_info: Maybe(HttpInfo),
  func_info: Maybe(FunctionInfo),
  mock_info: Maybe(MockInfo),
  passthrough_infos: Maybe(Type.Array(Type.Unknown(), { maxItems: 0 })),
});

const Condition = Options({
  breaker_type: OneOf(['timeout', 'condition']),
  breaker_mode: OneOf(['counter', 'percentage'], { default: 'counter' }),
  unhealthy_condition: Maybe(Type.String({ maxLength: 4096 })),
  unhealthy_threshold: Maybe(Type.Integer({ minimum: 1, maximum: 100_000 })),
  min_call_threshold: Maybe(Type.Integer({ minimum: 1, maximum: 100_000 })),
  unhealthy_percentage: Maybe(Type.Integer({ minimum: 1, maximum: 100 })),
  time_window: Type.Integer({ minimum: 1, maximum: 3600 }),
  open_breaker_time: Type.Integer({ minimum: 1, maximum: 3600 }),
});

const Rule = Options({
  rule_name: Type.String({ minLength: 1, maxLength: 64 }),
  parameters: Maybe(Type.Array(Text)),
  match_regex: Type.String({ maxLength: 4096 }),
  breaker_condition: Maybe(Condition),
  downgrade_backend: Maybe(Backend),
});

/** The vendor's `plugin_content`, as pasted. */
export const Document = Options({
  scope: OneOf(['basic', 'share'], { default: 'basic' }),
  breaker_condition: Condition,
  downgrade_default: Maybe(Backend),
  downgrade_parameters: Maybe(Type.Array(RuleParameter, { maxItems: 100 })),
  downgrade_rules: Maybe(Type.Array(Rule, { maxItems: 100 })),
});

export type Document = Static<typeof Document>;
export type HuaweiCondition = Static<typeof Condition>;
export type HuaweiBackend = Static<typeof Backend>;
export type HuaweiRule = Static<typeof Rule>;
