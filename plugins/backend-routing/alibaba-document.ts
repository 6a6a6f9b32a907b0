import { Options, type Static, Type } from '#sdk';
import { AlibabaBackendSchema } from '#sdk/backends';

const ConstantParameter = Options({
  name: Type.String({ minLength: 1 }),
  location: Type.String({ description: '`header` or `query`, in any letter case.' }),
  value: Type.String(),
});

const Route = Options({
  name: Type.String({ pattern: '^[A-Za-z0-9]+$', maxLength: 64, allowed: 'letters and digits' }),
  condition: Type.String({ description: 'At most 512 characters.' }),
  backend: AlibabaBackendSchema,
  'constant-parameters': Type.Optional(Type.Array(ConstantParameter)),
  weight: Type.Optional(Type.Unknown({ description: 'Not served: use `Random() < 0.2` in the condition.' })),
});

/** The vendor's document, as pasted. */
export const Document = Options({
  parameters: Type.Record(Type.String(), Type.String(), { default: {} }),
  routes: Type.Array(Route, { description: 'At most 16.' }),
});

export type AlibabaRouting = Static<typeof Document>;
export type AlibabaRoute = AlibabaRouting['routes'][number];
