import { Options, type Static, Type } from '#sdk';
import type { PolicyConfig } from './policy-options.ts';

const Texts = (description: string) =>
  Type.Record(Type.String({ minLength: 1 }), Type.String(), { default: {}, description });

const Route = Options({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$',
    maxLength: 64,
    allowed: 'letters, digits, "_" and "-", beginning with a letter or digit',
    description: 'Unique. Sent to the backend as `X-Ca-Routing-Name`.',
  }),
  when: Type.String({ description: "A condition such as `$target = 'resource1'`." }),
  backend: Type.Record(Type.String(), Type.Unknown(), {
    description:
      "As an API's `backend`. Without `type`, or with the same, fields that are absent are those of the API's own.",
  }),
  headers: Texts('Header fields set on the request to the backend.'),
  query: Texts('Query parameters set on the request to the backend.'),
});

const Routing = Options({
  parameters: Texts(
    'Names that conditions use, without `$`, and where each is read, such as `Query:target`.',
  ),
  routes: Type.Array(Route, { description: 'Tried in this order; the first that matches decides.' }),
});

export type RoutingConfig = Static<typeof Routing>;

/** What is written is the first; the other is what the API field `policies` comes to. */
export const Config = Type.Unsafe<RoutingConfig | readonly PolicyConfig[]>(Routing);
export type RouteConfig = RoutingConfig['routes'][number];

type Problem = (path: readonly (string | number)[], message: string, offset?: number) => void;

/** Reports every name that an earlier one has already. @param path of the list */
export function reportTwins(
  routes: readonly { readonly name: string }[],
  path: readonly (string | number)[],
  problem: Problem,
): void {
  const first = new Map<string, number>();
  for (const [index, { name }] of routes.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      problem(
        [...path, index, 'name'],
        `found "${name}", as in ${path.join('.')}[${earlier}]; allowed: a name that no other one has`,
      );
  }
}
