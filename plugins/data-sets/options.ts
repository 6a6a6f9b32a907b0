import { OneOf, Options, Secret, type Static, Type } from '#sdk';

/** The vendor's limits of what a configuration lists; a file may hold more. */
const maxSets = 100;
const maxListed = 200;

const valueForm = '1 to 1024 characters without line breaks or tabs, none of them a space at either end';
const valuePattern = '^(?=[^\\n\\r\\t]{1,1024}$)\\S(.*\\S)?$';
const expiryForm = 'a time with its zone, such as 2026-12-31T23:59:59Z or 2026-12-31T23:59:59+08:00';
const expiryPattern = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2})$';

// Their form is checked by `formProblem`: what is wrong in a union is shown, and items of BASIC_AUTH_ACCESS are secret.
const value = Secret({ description: `What the list has: ${valueForm}.` });

/** `Options` has no words for what is allowed where a union expects it. */
const ExpiringItem = Type.Object(
  {
    value,
    expires: Type.String({ description: `From when on the item counts no more: ${expiryForm}.` }),
  },
  { additionalProperties: false, allowed: 'a mapping of "value" and "expires"' },
);

const DataSetSchema = Options({
  type: OneOf(['JWT_BLOCKING', 'IP_WHITELIST_CIDR', 'PARAMETER_ACCESS', 'BASIC_AUTH_ACCESS'], {
    description:
      'What it is for: values of a claim that are refused, addresses and blocks, values of a parameter, or users as `name:password`.',
  }),
  items: Type.Array(Type.Union([value, ExpiringItem]), {
    default: [],
    maxItems: maxListed,
    description: 'What is in it. Each once.',
  }),
  file: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'A text file with further items, one a line; behind a tab, when it expires. Relative to this file; a change of it is picked up.',
    }),
  ),
});

/** The section `dataSets`. */
export const DataSetsSchema = Type.Record(Type.String({ pattern: '^\\S(.*\\S)?$' }), DataSetSchema, {
  maxProperties: maxSets,
  description: `Lists that plugins refer to, by name; at most ${maxSets}.`,
});

export type DataSetConfig = Static<typeof DataSetSchema>;

const isValue = new RegExp(valuePattern, 'u');
const isExpiry = new RegExp(expiryPattern);

/** What is wrong with the form of an item, in words that do not show it; undefined when it is right. */
export function formProblem(text: string, expires: string | undefined): string | undefined {
  if (!isValue.test(text)) return `a value is ${valueForm}`;
  if (expires !== undefined && !(isExpiry.test(expires) && Date.parse(expires) > 0))
    return `an expiry is ${expiryForm}`;
  return undefined;
}
