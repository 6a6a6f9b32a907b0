import { OneOf, Options, type Static, Type } from '#sdk';

const RequestChange = Options({
  action: OneOf(['set', 'default', 'add', 'remove'], {
    description:
      '`set` replaces what is there, `default` adds where there is none, `add` adds another, `remove` takes all away.',
  }),
  in: OneOf(['header', 'query', 'form'], {
    description:
      'A header field, a query parameter, or a field of an `application/x-www-form-urlencoded` body.',
  }),
  name: Type.String({ minLength: 1, maxLength: 256 }),
  value: Type.Optional(Type.String({ maxLength: 4096, description: 'Of all actions but `remove`.' })),
});

const ResponseChange = Options({
  action: OneOf(['set', 'default', 'add', 'join', 'remove'], {
    description:
      'As in requests; `join` puts the value behind what is there, with a comma. Both ends of a list are one field then.',
  }),
  name: Type.String({ minLength: 1, maxLength: 256 }),
  value: Type.Optional(Type.String({ maxLength: 4096 })),
  from: Type.Optional(
    OneOf(['cacheStatus'], {
      description:
        'Instead of `value`: what a cache did for the request. Nothing is changed when no cache is bound.',
    }),
  ),
});

export const Config = Options({
  request: Type.Array(RequestChange, {
    default: [],
    maxItems: 100,
    description: 'Changes of the request to the backend, in this order, after its parameters were mapped.',
  }),
  response: Type.Array(ResponseChange, {
    default: [],
    maxItems: 100,
    description: 'Changes of the fields of the answer, in this order.',
  }),
  status: Type.Optional(
    Type.Integer({
      minimum: 200,
      maximum: 599,
      description: 'Status of every answer that is no refusal of the gateway.',
    }),
  ),
});

export type Config = Static<typeof Config>;
export type RequestChange = Config['request'][number];
export type ResponseChange = Config['response'][number];
