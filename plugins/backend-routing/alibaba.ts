import { type Kit, defineDialect } from '#sdk';
import { translateBackend } from '#sdk/backends';
import { type ParameterScope, reportCondition, reportParameters, resolveNothing } from '#sdk/expressions';
import { headerNameProblem, headerValueProblem, queryTextProblem } from './additions.ts';
import { type AlibabaRoute, type AlibabaRouting, Document } from './alibaba-document.ts';
import { type RouteConfig, type RoutingConfig, reportTwins } from './options.ts';

type Problem = Kit['problem'];
type Path = readonly (string | number)[];

const maxRoutes = 16;
const maxBytes = 50 * 1024;

/** The routing plug-in of Alibaba Cloud API Gateway (doc 117198). */
export const fromAlibaba = defineDialect(
  Document,
  (document: AlibabaRouting, problem: Problem): RoutingConfig => {
    const { parameters, routes } = document;
    reportSize(document, problem);
    reportTwins(routes, ['routes'], problem);
    const scope = reportParameters(parameters, { phase: 'request' }, ['parameters'], problem);
    return {
      parameters,
      routes: routes.map((route, index) => translateRoute(route, ['routes', index], scope, problem)),
    };
  },
);

/** The vendor takes the document as JSON too; in that form the size does not depend on comments and indentation. */
function reportSize(document: AlibabaRouting, problem: Problem): void {
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes)
    problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
  const { length } = document.routes;
  if (length > maxRoutes)
    problem(['routes', maxRoutes], `found ${length} routes; at most ${maxRoutes} are allowed`);
}

function translateRoute(
  route: AlibabaRoute,
  path: Path,
  scope: ParameterScope,
  problem: Problem,
): RouteConfig {
  const { name, condition, backend, weight } = route;
  reportCondition(condition, { scope, resolve: resolveNothing }, [...path, 'condition'], problem);
  if (weight !== undefined) {
    const instead = '`Random() < 0.2` in the condition takes a fifth of the requests';
    problem(
      [...path, 'weight'],
      `how the vendor shares traffic by weight is not documented, so it is not served; ${instead}`,
    );
  }
  const definition = translateBackend(backend, (field, message) =>
    problem([...path, 'backend', field], message),
  );
  const constants = route['constant-parameters'] ?? [];
  return {
    name,
    when: condition,
    backend: definition,
    ...constantsOf(constants, [...path, 'constant-parameters'], problem),
  };
}

type Constants = NonNullable<AlibabaRoute['constant-parameters']>;

function constantsOf(
  constants: Constants,
  path: Path,
  problem: Problem,
): Pick<RouteConfig, 'headers' | 'query'> {
  const headers = new Map<string, readonly [name: string, value: string]>();
  const query = new Map<string, string>();
  for (const [index, { name, location, value }] of constants.entries()) {
    const report = (field: string, message: string | undefined) => {
      if (message !== undefined) problem([...path, index, field], message);
    };
    const place = location.toLowerCase();
    const key = place === 'header' ? name.toLowerCase() : name;
    if (place === 'header' ? headers.has(key) : query.has(key))
      report('name', `"${name}" is given twice; once is allowed`);
    if (place === 'header') {
      report('name', headerNameProblem(name));
      report('value', headerValueProblem(value));
      headers.set(key, [name, value]);
    } else if (place === 'query') {
      report('name', queryTextProblem(name));
      report('value', queryTextProblem(value));
      query.set(key, value);
    } else report('location', `found ${JSON.stringify(location)}; allowed: header, query`);
  }
  return { headers: Object.fromEntries(headers.values()), query: Object.fromEntries(query) };
}
