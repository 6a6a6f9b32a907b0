import { Options, type Static, Type } from '#sdk';

/** A token of RFC 9110, section 5.6.2, which field names and methods are; `*` is one too. */
const token = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

const Tokens = (description: string, what: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: token, maxLength: 256, allowed: what }), {
      maxItems: 200,
      description,
    }),
  );

/** Longest time for which browsers may keep the answer to a preflight; the vendors' samples have it. */
export const longestAge = 172_800;

export const Config = Options({
  allowOrigins: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      minItems: 1,
      maxItems: 200,
      description:
        'Whose pages may read answers: `https://app.example.com`, `app.example.com` (http and https), `*.example.org` (every ' +
        'name below), `null`, `*`. Without it nothing else may be given, and the policy is that of `cors: true`.',
    }),
  ),
  allowMethods: Tokens('Methods that pages may use; `*` for all.', 'the name of a method'),
  allowHeaders: Tokens('Fields that pages may send; `*` for all.', 'the name of a field'),
  exposeHeaders: Tokens('Fields of answers that pages may read; `*` for all.', 'the name of a field'),
  allowCredentials: Type.Optional(
    Type.Boolean({
      description:
        'Whether pages may call with cookies and certificates; never where `allowOrigins` has `*`.',
    }),
  ),
  maxAgeSeconds: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: longestAge,
      description: 'How long browsers may keep the answer to a preflight.',
    }),
  ),
  mustAllowMethod: Type.Optional(
    Type.Boolean({
      description: 'Whether the method of every API it is bound to has to be among `allowMethods`.',
    }),
  ),
});

export type Config = Static<typeof Config>;
