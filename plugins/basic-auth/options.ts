import { Options, Secret, type Static, Type } from '#sdk';

/** Of a name and of a password; a header field holds no more than a few thousand. */
const maxLength = 255;

const User = Options({
  name: Type.String({ minLength: 1, maxLength, description: 'Without a colon and control characters.' }),
  password: Type.Optional(Secret({ minLength: 1, maxLength, description: 'As the user types it.' })),
  hash: Type.Optional(
    Secret({
      minLength: 1,
      maxLength: 512,
      description: 'Instead of `password`: `$scrypt$ln=15,r=8,p=1$SALT$HASH`.',
    }),
  ),
});

export const Config = Options({
  users: Type.Array(User, { default: [], maxItems: 1000, description: 'Who may call. Each name once.' }),
  dataSet: Type.Optional(
    Type.String({ minLength: 1, description: 'Further users: a data set of type `BASIC_AUTH_ACCESS`.' }),
  ),
  realm: Type.String({
    default: 'API',
    pattern: '^[\\x20-\\x7e]{1,128}$',
    allowed: '1 to 128 visible ASCII characters and blanks',
    description: 'What callers are told that they sign in to.',
  }),
  forwardCredentials: Type.Boolean({
    default: false,
    description: 'Send name and password on to the backend.',
  }),
});

export type Config = Static<typeof Config>;
