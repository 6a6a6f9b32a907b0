import { type Static, Type } from 'typebox';
import { Options } from '../schema.ts';

/** Types of the vendor that this gateway has no backend for; their fields are not looked at. */
export const unservedType = '^([Ff][Cc].*|[Oo][Ss][Ss])$';

const backendFields = {
  type: Type.Optional(
    Type.String({ description: 'HTTP, HTTP-VPC (or HTTP_VPC) or MOCK, in any letter case.' }),
  ),
  address: Type.Optional(
    Type.String({ minLength: 1, description: '`http://host`, `https://host:port`, or `host:port`.' }),
  ),
  path: Type.Optional(
    Type.String({
      pattern: '^/[!"$->@-~]*$',
      allowed: 'a path that starts with /, in printable ASCII, without a query',
      description: "The API's own backend path when absent.",
    }),
  ),
  method: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z]+$',
      allowed: 'letters',
      description: "In any letter case; that of the API's own backend when absent.",
    }),
  ),
  timeout: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000, description: 'Milliseconds.' })),
  vpcAccessName: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'Of HTTP-VPC. Only a name here: `address` says who is called.',
    }),
  ),
  statusCode: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, description: 'Of MOCK.' })),
  body: Type.Optional(Type.String({ description: 'Of MOCK.' })),
  mockBody: Type.Optional(Type.String({ description: 'Of MOCK: the older name of `body`.' })),
};

const Fields = Options(backendFields);
/** A backend as the vendor's plug-ins write it. */
export type AlibabaBackend = Static<typeof Fields>;

/** A backend as the vendor's plug-ins write it (Alibaba Cloud API Gateway: routing, circuitBreaker). */
export const AlibabaBackendSchema = Type.Unsafe<AlibabaBackend>({
  type: 'object',
  description: "Put over the API's own backend, field by field.",
  if: { type: 'object', properties: { type: { type: 'string', pattern: unservedType } }, required: ['type'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: {},
  else: Fields,
});
