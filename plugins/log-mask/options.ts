import { Matching, OneOf, Options, type Static, Type } from '#sdk';

const locations = [
  'REQUEST_HEADER',
  'REQUEST_QUERY',
  'REQUEST_TOKEN',
  'REQUEST_BODY',
  'RESPONSE_HEADER',
  'RESPONSE_BODY',
] as const;

const Rule = Options({
  name: Type.Optional(
    Type.String({ minLength: 1, maxLength: 50, description: 'What the operator calls it.' }),
  ),
  location: OneOf(locations, { description: 'Where the texts come from.' }),
  parameters: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      maxItems: 50,
      description: 'Names of header fields, query parameters or claims.',
    }),
  ),
  matchMode: Type.Optional(
    Matching(
      '^(?:(?:D|HEX|C):[1-9][0-9]{0,2}|EMAIL)$',
      'D:n (n digits or more), HEX:n, C:n (letters and digits) or EMAIL, n up to 999',
      { description: 'What in content is masked.' },
    ),
  ),
  policy: Matching(
    '^(?:ALL|KEEP_(?:LEFT|RIGHT):[0-9]{1,4}|KEEP_CENTER:[0-9]{1,4},[0-9]{1,4})$',
    'ALL, KEEP_LEFT:n, KEEP_RIGHT:n or KEEP_CENTER:start,length',
    { default: 'ALL', description: 'What is left of a text that is masked.' },
  ),
});
export type Rule = Static<typeof Rule>;

export const Config = Options({
  rules: Type.Array(Rule, {
    minItems: 1,
    maxItems: 100,
    description: 'Carried out one after the other.',
  }),
});
export type Config = Static<typeof Config>;
