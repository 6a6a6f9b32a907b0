import { Options, Secret, type Static, Type } from '#sdk';

const base64url = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 12_000, description }));

/** A JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037) with which signatures are verified. */
export const Jwk = Options({
  kty: Type.String({ description: '`RSA`, `EC`, `OKP` or `oct`.' }),
  kid: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'Names the key to tokens.' })),
  alg: Type.Optional(
    Type.String({ description: 'The only algorithm that it is for; all of its kind otherwise.' }),
  ),
  use: Type.Optional(Type.String({ description: '`sig`, if anything.' })),
  key_ops: Type.Optional(Type.Array(Type.String(), { description: 'Has `verify`, if anything.' })),
  n: base64url('Modulus of an RSA key.'),
  e: base64url('Exponent of an RSA key.'),
  crv: Type.Optional(Type.String({ description: '`P-256`, `P-384`, `P-521` or `Ed25519`.' })),
  x: base64url('Of an EC or OKP key.'),
  y: base64url('Of an EC key.'),
  k: Type.Optional(
    Secret({ minLength: 1, maxLength: 2000, description: 'The secret of an `oct` key, in base64url.' }),
  ),
  ext: Type.Optional(Type.Boolean({ description: 'Not looked at.' })),
  x5u: Type.Optional(Type.String({ description: 'Not looked at.' })),
  x5c: Type.Optional(Type.Array(Type.String(), { description: 'Not looked at.' })),
  x5t: Type.Optional(Type.String({ description: 'Not looked at.' })),
  'x5t#S256': Type.Optional(Type.String({ description: 'Not looked at.' })),
});

export type Jwk = Static<typeof Jwk>;
