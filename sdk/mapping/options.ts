import { type Static, Type } from 'typebox';
import { OneOf, Options } from '../schema.ts';

const BackendParameterSchema = Options({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  in: OneOf(['path', 'query', 'header']),
  from: Type.Optional(
    Type.String({
      minLength: 1,
      description: '`request.NAME`, `system.NAME`, `authorizer.frontend.KEY` or `authorizer.backend.KEY`.',
    }),
  ),
  value: Type.Optional(
    Type.Union([Type.String(), Type.Number(), Type.Boolean()], {
      description: 'A constant, instead of `from`.',
    }),
  ),
  description: Type.Optional(Type.String()),
});

/** The option `parameters` of a backend: what it gets beside, or instead of, what the caller sent. */
export const BackendParameters = Type.Array(BackendParameterSchema, {
  default: [],
  description: 'Parameters of the request, constants and system values, put into path, query and header.',
});

export type BackendParameter = Static<typeof BackendParameterSchema>;
