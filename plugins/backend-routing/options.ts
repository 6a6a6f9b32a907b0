import { Options, type Static, Type } from '#sdk';

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

export const Config = Options({
  parameters: Texts(
    'Names that conditions use, without `$`, and where each is read, such as `Query:target`.',
  ),
  routes: Type.Array(Route, { description: 'Tried in this order; the first that matches decides.' }),
});

export type RoutingConfig = Static<typeof Config>;
export type RouteConfig = RoutingConfig['routes'][number];
/** A backend as written, whole or in part. */
export type Definition = Readonly<Record<string, unknown>>;

type Problem = (path: readonly (string | number)[], message: string, offset?: number) => void;

/** Reports every name that an earlier route has already. */
export function reportTwins(routes: readonly { readonly name: string }[], problem: Problem): void {
  const first = new Map<string, number>();
  for (const [index, { name }] of routes.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      problem(
        ['routes', index, 'name'],
        `found "${name}", as in routes[${earlier}]; allowed: a name that no other route has`,
      );
  }
}
