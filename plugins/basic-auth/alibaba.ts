import { Options, Secret, Type, defineDialect } from '#sdk';
import { credentialProblem } from './credentials.ts';
import type { Config } from './options.ts';

// The vendor's own example has passwords that are numbers.
const Text = Type.Union([Secret(), Type.Integer({ minimum: 0 })]);

const Document = Options({
  users: Type.Array(Options({ username: Text, password: Text }), { default: [], maxItems: 1000 }),
  usersDatasetId: Type.Optional(Type.String({ minLength: 1 })),
});

/** Alibaba's basic authentication plug-in (doc 295297). */
export const basicAuth = defineDialect(Document, (document, problem): Config => {
  if (document.users.length === 0 && document.usersDatasetId === undefined)
    problem([], '"users" is missing; allowed instead: "usersDatasetId"');
  const first = new Map<string, number>();
  const users = document.users.map(({ username, password }, index) => {
    const user = { name: String(username).normalize('NFC'), password: String(password) };
    for (const [field, text] of [
      ['username', user.name],
      ['password', user.password],
    ] as const) {
      const wrong = text === '' ? 'it is empty' : credentialProblem(text, field === 'username');
      if (wrong !== undefined) problem(['users', index, field], wrong);
    }
    const twin = first.get(user.name);
    if (twin !== undefined) problem(['users', index, 'username'], `users[${twin}] has the same name`);
    first.set(user.name, index);
    return user;
  });
  return {
    users,
    ...(document.usersDatasetId !== undefined && { dataSet: document.usersDatasetId }),
    realm: 'API',
    forwardCredentials: false,
  };
});
