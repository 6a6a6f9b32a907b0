import { Options, Secret, type Static, Type } from '#sdk';

/** The section `iam`. */
export const IamSchema = Options(
  {
    hosts: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z0-9.\\-]{1,253}$|^\\[[0-9a-f:.]+\\]$' }), {
        minItems: 1,
        description: 'Host names, in lower case, that tokens are issued at; every host when absent.',
      }),
    ),
    tokenSeconds: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 604_800,
        description: 'For how long a token is good; 86400 (a day) when absent.',
      }),
    ),
    tokenKey: Type.Optional(
      Secret({
        minLength: 32,
        maxLength: 1024,
        description:
          'What tokens are signed with. With it they outlive a restart and are good at every process that has it.',
      }),
    ),
    allowHttp: Type.Optional(
      Type.Boolean({
        description: 'Issue tokens over plain HTTP to everybody, and not to this machine only.',
      }),
    ),
    keystone: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Where tokens are validated instead, such as `http://keystone.internal:5000/v3`.',
      }),
    ),
    serviceUser: Type.Optional(
      Options(
        {
          name: Type.String({ minLength: 1 }),
          domain: Type.String({ minLength: 1, default: 'Default' }),
          password: Secret({ minLength: 1 }),
          project: Type.Optional(Type.String({ minLength: 1, description: 'In the same domain.' })),
        },
        {
          description:
            'Who asks Keystone, which must allow it to validate tokens. Without it each token asks for itself.',
        },
      ),
    ),
    cacheSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3600,
        description:
          "How long Keystone's answer is believed: so late a revocation may be noticed. 60 when absent.",
      }),
    ),
    timeoutMs: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 60_000,
        description: 'How long Keystone may take, all in all. 5000 when absent.',
      }),
    ),
  },
  { description: 'How tokens of `auth: iam` are issued, or where they are validated.' },
);

export type IamSection = Static<typeof IamSchema>;
