import { OneOf, Options, type Static, Type } from '#sdk';

/** Everything an operator can customise: guide table 3-2, and the types that came later. */
export const responseTypes = [
  'AUTH_FAILURE',
  'AUTH_HEADER_MISSING',
  'AUTHORIZER_IDENTITIES_FAILURE',
  'UNAUTHORIZED',
  'THIRD_AUTH_FAILURE',
  'THIRD_AUTH_IDENTITIES_FAILURE',
  'ACCESS_DENIED',
  'NOT_FOUND',
  'REQUEST_PARAMETERS_FAILURE',
  'THROTTLED',
  'AUTHORIZER_FAILURE',
  'AUTHORIZER_CONF_FAILURE',
  'THIRD_AUTH_CONF_FAILURE',
  'BACKEND_UNAVAILABLE',
  'BACKEND_TIMEOUT',
  'DEFAULT_4XX',
  'DEFAULT_5XX',
  'OIDC_AUTH_TOKEN_VERIFY_FAIL',
  'OIDC_AUTH_GET_DISCOVERY_ERROR',
  'OIDC_AUTH_CODE_FLOW_FAIL',
  'JWT_AUTH_FAILURE',
  'ORCHESTRATION_PARAMETER_NOT_FOUND',
  'ORCHESTRATION_FAILURE',
] as const;

export type ResponseType = (typeof responseTypes)[number];

const CustomSchema = Options({
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, not: { const: 444 } })),
  headers: Type.Optional(
    Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 1024 }), {
      maxProperties: 10,
      description: 'Beside the usual ones; values may hold $context variables.',
    }),
  ),
  body: Type.Optional(
    Type.String({ minLength: 1, description: 'JSON; its texts may hold $context variables.' }),
  ),
});

export type Custom = Static<typeof CustomSchema>;

const byType = Object.fromEntries(responseTypes.map((type) => [type, Type.Optional(CustomSchema)])) as Record<
  ResponseType,
  ReturnType<typeof Type.Optional<typeof CustomSchema>>
>;

const ResponseSchema = Options({
  ...byType,
  dialect: OneOf(['huawei', 'alibaba', 'problem'], {
    default: 'huawei',
    description: 'The form of whatever has no body of its own here.',
  }),
});

/** A group's gateway responses by name. */
export const Responses = Type.Record(Type.String(), ResponseSchema);

export type GroupResponse = Static<typeof ResponseSchema>;
export type Dialect = GroupResponse['dialect'];
