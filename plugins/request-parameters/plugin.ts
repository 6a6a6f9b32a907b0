import { type Exchange, type Kit, type Reply, definePlugin, refuse } from '#sdk';
import { percentDecode, requestPathNames } from '#sdk/mapping';
import { type Parameter, Parameters } from './options.ts';
import { checkNames, checkParameter } from './problems.ts';
import type { Rule } from './rule.ts';

/** A parameter with its rule, ready to be looked for. */
interface Check {
  readonly name: string;
  readonly place: Parameter['in'];
  readonly isRequired: boolean;
  readonly rule: Rule;
}

export default definePlugin({
  name: 'request-parameters',
  summary: 'Refuses requests whose declared parameters are missing or break their rules.',
  config: Parameters,
  apiField: 'request.parameters',
  bind(parameters: readonly Parameter[], kit) {
    const checks = compileChecks(parameters, kit);
    const inPath = checks.filter(({ place }) => place === 'path');
    const inQuery = byLowerName(checks, 'query');
    const inHeader = byLowerName(checks, 'header');
    const pathNames = requestPathNames(kit.api.request.path);
    if (checks.length === 0) return {};
    return {
      auth: {
        // After authentication, as the vendor does it, and after limits: a caller that guesses is counted.
        stage: 'serve',
        handle: (exchange) =>
          checkPath(exchange, inPath, pathNames) ??
          (inQuery.size === 0 ? undefined : checkPairs(exchange.query, inQuery)) ??
          (inHeader.size === 0 ? undefined : checkPairs(headerTexts(exchange), inHeader)),
      },
    };
  },
});

function compileChecks(parameters: readonly Parameter[], kit: Kit): Check[] {
  checkNames(parameters, (path, message) => kit.problem(path, message));
  return parameters.flatMap((parameter, index) => {
    const { name, in: place, required } = parameter;
    const rule = checkParameter(parameter, kit.api.request.path, (field, message) => {
      kit.problem(field === undefined ? [index] : [index, field], message);
    });
    return rule === undefined ? [] : [{ name, place, isRequired: required === true, rule }];
  });
}

function byLowerName(checks: readonly Check[], place: Parameter['in']): ReadonlyMap<string, Check> {
  return new Map(
    checks.filter((check) => check.place === place).map((check) => [check.name.toLowerCase(), check]),
  );
}

function checkPath(
  { pathValues }: Exchange,
  checks: readonly Check[],
  pathNames: ReadonlyMap<string, string>,
): Reply | undefined {
  for (const check of checks) {
    const raw = pathValues.get(pathNames.get(check.name.toLowerCase()) ?? check.name);
    if (raw === undefined) return refused(check, 'is required');
    const broken = check.rule(text(percentDecode(raw)));
    if (broken !== undefined) return refused(check, broken);
  }
  return undefined;
}

/** Every occurrence must hold: which of several a backend reads is not for the gateway to guess. */
function checkPairs(
  pairs: Iterable<readonly [name: string, value: string]>,
  checks: ReadonlyMap<string, Check>,
): Reply | undefined {
  const seen = new Set<Check>();
  for (const [name, value] of pairs) {
    const check = checks.get(name.toLowerCase());
    if (check === undefined) continue;
    seen.add(check);
    const broken = check.rule(value);
    if (broken !== undefined) return refused(check, broken);
  }
  for (const check of checks.values())
    if (check.isRequired && !seen.has(check)) return refused(check, 'is required');
  return undefined;
}

function* headerTexts({ headers }: Exchange): Iterable<readonly [string, string]> {
  for (const [name, value] of headers) yield [name, text(value)];
}

/** Bytes, one character each, as the text they stand for: lengths count characters. */
function text(bytes: string): string {
  return /^[\x00-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

// The value is not repeated: it may be long, and may be somebody's secret in the wrong place.
function refused({ name, place }: Check, broken: string): Reply {
  return refuse('bad-parameters', {
    message: `API request error: the parameter ${name} in ${place} ${broken}.`,
    cause: `parameter ${name} ${broken}`,
  });
}
