import { Options, type Static, Type } from '#sdk';

const answer = {
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 599, description: 'As it was unless given.' })),
  message: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1024,
      description: 'Sent as `X-Ca-Error-Message`. May hold `${name}`.',
    }),
  ),
  headers: Type.Record(Type.String({ minLength: 1 }), Type.String(), {
    default: {},
    description: 'Fields set in the answer. Values may hold `${name}`.',
  }),
  body: Type.Optional(Type.String({ description: 'As it was unless given. May hold `${name}`.' })),
};

const Mapping = Options({
  code: Type.Optional(Type.String({ description: 'Equal to the value of the parameter that `code` names.' })),
  when: Type.Optional(Type.String({ description: 'A condition; beside `code` both must hold.' })),
  ...answer,
});

/** A condition that reads a body waits for it; this is how much of it is held. */
export const defaultBodyBytes = 256 * 1024;

export const Config = Options({
  parameters: Type.Record(Type.String({ minLength: 1 }), Type.String(), {
    default: {},
    description:
      'Names that conditions use, without `$`, and where each is read, such as `BodyJsonField:$.code`; at most 16.',
  }),
  when: Type.String({ description: 'Which answers are errors, such as `$status = 200 and $rc <> 0`.' }),
  code: Type.Optional(
    Type.String({ description: 'The parameter whose value is compared with the `code` of each mapping.' }),
  ),
  mappings: Type.Array(Mapping, {
    default: [],
    maxItems: 100,
    description: 'Tried in this order; the first that matches is what the answer becomes.',
  }),
  otherwise: Type.Optional(
    Options(answer, { description: 'For errors that no mapping matches; they stay as they are without it.' }),
  ),
  maxBodyBytes: Type.Integer({
    minimum: 1,
    maximum: 1_048_576,
    default: defaultBodyBytes,
    description: 'Fields of larger bodies, before or after decompression, do not exist.',
  }),
});

export type Config = Static<typeof Config>;
export type MappingConfig = Config['mappings'][number];
