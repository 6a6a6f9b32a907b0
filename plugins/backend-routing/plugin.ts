import { type Backend, type Hooks, type Kit, definePlugin } from '#sdk';
import { type Definition, mergeBackend, missingPlace } from '#sdk/backends';
import { RequestReaders, reportCondition, reportParameters } from '#sdk/expressions';
import {
  compileAdditions,
  headerNameProblem,
  headerValueProblem,
  queryTextProblem,
  routingName,
} from './additions.ts';
import { fromAlibaba } from './alibaba.ts';
import { type EngineRoute, compileRoutes } from './engine.ts';
import { policies, policyHooks } from './policies.ts';
import type { PolicyConfig } from './policy-options.ts';
import { Config, type RouteConfig, type RoutingConfig, reportTwins } from './options.ts';

export default definePlugin({
  name: 'backend-routing',
  summary: "Sends a request to another backend than the API's own when a condition on it is true.",
  config: Config,
  apiField: 'policies',
  dialects: { 'alibaba/routing': fromAlibaba, policies },
  bind: (config: RoutingConfig | readonly PolicyConfig[], kit) =>
    'routes' in config ? routingHooks(config, kit) : policyHooks(config, kit),
});

function routingHooks({ parameters, routes }: RoutingConfig, kit: Kit): Hooks {
  const problem: Kit['problem'] = (path, message, offset) => kit.problem(path, message, offset);
  const readers = new RequestReaders();
  const scope = reportParameters(parameters, { phase: 'request' }, ['parameters'], problem);
  reportTwins(routes, ['routes'], problem);
  const options = { scope, resolve: readers.resolve };
  const compiled = routes.map((route, index): EngineRoute => {
    const path = ['routes', index];
    reportAdditions(route, path, kit);
    return {
      name: route.name,
      matches: reportCondition(route.when, options, [...path, 'when'], problem),
      backend: backendOf(route, path, kit),
      decorate: compileAdditions(route.name, route),
    };
  });
  const choose = compileRoutes(compiled);
  return {
    backendRouting: (exchange) =>
      readers.evaluate(exchange, (ready) => {
        const chosen = choose(ready);
        // A backend takes the field for the gateway's word: a caller's must not reach the API's own either.
        if (chosen === undefined) ready.headers.delete(routingName);
        return chosen;
      }),
    describe: () => [
      ...routes.map(({ name, when }) => `route ${name}: ${when}`),
      "else the API's own backend",
    ],
  };
}

/** The backend of a route, or undefined when it lacks an address; the vendor refuses that request by request. */
function backendOf(
  { name, backend }: RouteConfig,
  route: readonly (string | number)[],
  kit: Kit,
): Backend | undefined {
  const path = [...route, 'backend'];
  const { vpcAccessName, ...definition } = mergeBackend(kit.api.definition['backend'] as Definition, backend);
  const missing = missingPlace({ ...definition, vpcAccessName });
  if (missing === undefined) return kit.backend(definition, path);
  // Made only to find what else is wrong with it.
  kit.backend({ ...definition, address: 'incomplete.invalid' }, path);
  const { api, environment, binding } = kit;
  kit.log.warn(
    { api: api.name, environment, binding, route: name },
    `the route's backend is incomplete, its requests will be refused: ${missing}`,
  );
  return undefined;
}

function reportAdditions(
  { headers, query }: RouteConfig,
  route: readonly (string | number)[],
  kit: Kit,
): void {
  for (const [name, value] of Object.entries(headers)) {
    const wrong = headerNameProblem(name) ?? headerValueProblem(value);
    if (wrong !== undefined) kit.problem([...route, 'headers', name], wrong);
  }
  for (const [name, value] of Object.entries(query)) {
    const wrong = queryTextProblem(name) ?? queryTextProblem(value);
    if (wrong !== undefined) kit.problem([...route, 'query', name], wrong);
  }
}
