import { OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import { Jwk } from './jwk.ts';
import type { Config } from './options.ts';
import { readJwkList } from './read-keys.ts';

const Document = Options({
  parameter: Type.String({ minLength: 1, maxLength: 256 }),
  parameterLocation: Type.Optional(OneOf(['header', 'query', 'cookie'])),
  claimParameters: Type.Array(
    Options({
      claimName: Type.String({ minLength: 1, maxLength: 256 }),
      parameterName: Type.String({ minLength: 1, maxLength: 256 }),
      location: OneOf(['header', 'query', 'path', 'formData']),
    }),
    { default: [], maxItems: 64 },
  ),
  preventJtiReplay: Type.Boolean({ default: false }),
  bypassEmptyToken: Type.Boolean({ default: false }),
  ignoreExpirationCheck: Type.Boolean({ default: false }),
  jwk: Type.Optional(Jwk),
  jwks: Type.Optional(
    Type.Union([
      Type.Array(Jwk, { minItems: 1, maxItems: 100 }),
      Options({ keys: Type.Array(Jwk, { minItems: 1, maxItems: 100 }) }),
    ]),
  ),
  blockByDataSet: Type.Optional(Type.String({ minLength: 1 })),
  blockClaimParameterName: Type.Optional(Type.String({ minLength: 1 })),
});

type Document = Static<typeof Document>;
type Report = (path: readonly (string | number)[], message: string) => void;

/** Alibaba's JWT authentication plug-in (doc 103228). */
export const jwtAuth = defineDialect(Document, (document, problem): Config => {
  const { parameter, parameterLocation, claimParameters } = document;
  const block = blockOf(document, problem);
  if (document.preventJtiReplay && document.ignoreExpirationCheck)
    problem(['preventJtiReplay'], 'a token that never expires cannot be remembered until it does');
  return {
    token: {
      name: parameter,
      ...(parameterLocation !== undefined && { in: parameterLocation }),
      prefix: 'Bearer',
      prefixRequired: false,
    },
    keys: keysOf(document, problem).map((jwk) => ({ jwk })),
    issuers: [],
    audiences: [],
    requiredClaims: [],
    allow: [],
    deny: [],
    ...(block !== undefined && { block }),
    toleranceSeconds: 0,
    ignoreExpiration: document.ignoreExpirationCheck,
    preventReplay: document.preventJtiReplay,
    allowMissingToken: document.bypassEmptyToken,
    // The vendor has no option for it: its backends get the request as it came.
    forwardToken: true,
    claims: claimParameters.map(({ claimName, parameterName, location }) => ({
      claim: claimName,
      name: parameterName,
      in: location === 'formData' ? 'form' : location,
      append: false,
    })),
  };
});

function keysOf({ jwk, jwks }: Document, problem: Report): readonly Jwk[] {
  const listed = jwks === undefined ? [] : Array.isArray(jwks) ? jwks : jwks.keys;
  const base = Array.isArray(jwks) ? ['jwks'] : ['jwks', 'keys'];
  if (jwk === undefined && jwks === undefined) problem([], '"jwk" is missing; allowed instead: "jwks"');
  const one = jwk === undefined ? [] : [jwk];
  const all = [...one, ...listed];
  // Both together are one set.
  readJwkList(all, (index, message) =>
    problem(index < one.length ? ['jwk'] : [...base, index - one.length], message),
  );
  return all;
}

/** The claim is named itself, or as the parameter that it is handed over in. */
function blockOf(document: Document, problem: Report): Config['block'] {
  const { blockByDataSet: dataSet, blockClaimParameterName: name, claimParameters } = document;
  if (dataSet === undefined) {
    if (name !== undefined) problem(['blockClaimParameterName'], 'it means nothing without "blockByDataSet"');
    return undefined;
  }
  const handed = claimParameters.find(({ parameterName }) => parameterName === name);
  return { dataSet, claim: handed?.claimName ?? name ?? 'jti' };
}
