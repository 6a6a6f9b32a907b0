import { describeAllowed } from '#sdk';
import { nameProblem, requestPathNames } from '#sdk/mapping';
import type { Parameter } from './options.ts';
import { type Rule, compileRule, enumValues, toNumber } from './rule.ts';

type Report = (field: keyof Parameter | undefined, message: string) => void;

/** Reports what is wrong with a parameter; its rule when there is one. */
export function checkParameter(parameter: Parameter, path: string, report: Report): Rule | undefined {
  const { name, in: location } = parameter;
  const wrong = nameProblem(name, location, 'request');
  if (wrong !== undefined) report('name', `found "${name}"; ${wrong}`);
  if (location === 'path') checkPath(parameter, path, report);
  checkType(parameter, report);
  checkRange(parameter, 'minLength', 'maxLength', report);
  checkRange(parameter, 'minimum', 'maximum', report);
  let rule: Rule;
  try {
    rule = compileRule(parameter);
  } catch {
    report('pattern', 'this is no regular expression');
    return undefined;
  }
  checkDefault(parameter, rule, report);
  return rule;
}

function checkPath({ name, required, default: fallback }: Parameter, path: string, report: Report): void {
  const names = requestPathNames(path);
  if (!names.has(name.toLowerCase())) {
    report('name', `the request path ${path} has no {${name}}; ${describeAllowed(names.values(), name)}`);
  }
  if (required === false) report('required', 'a path parameter is always required');
  if (fallback !== undefined) report('default', 'a path parameter is always there and takes no default');
}

function checkType({ type, minimum, maximum, enum: words }: Parameter, report: Report): void {
  if (type === 'string') {
    if (minimum !== undefined) report('minimum', 'only a number has a minimum; for text there is minLength');
    if (maximum !== undefined) report('maximum', 'only a number has a maximum; for text there is maxLength');
    return;
  }
  const odd = enumValues(words)?.find((word) => toNumber(word) === undefined);
  if (odd !== undefined) report('enum', `found "${odd}"; allowed: numbers, as the type says`);
}

function checkRange(
  parameter: Parameter,
  low: 'minLength' | 'minimum',
  high: 'maxLength' | 'maximum',
  report: Report,
): void {
  const { [low]: least, [high]: most } = parameter;
  if (least !== undefined && most !== undefined && least > most)
    report(high, `${most} is below ${low}, ${least}`);
}

function checkDefault({ in: location, default: fallback }: Parameter, rule: Rule, report: Report): void {
  if (fallback === undefined) return;
  const text = String(fallback);
  const broken = rule(text);
  if (broken !== undefined) report('default', `the default ${broken}`);
  if (location === 'header' && /[^\t\x20-\x7e\x80-\u{10ffff}]/u.test(text)) {
    report('default', 'a header may not hold control characters');
  }
}

/** Names are compared without letter case, and a backend maps a parameter by its name alone. */
export function checkNames(
  parameters: readonly Parameter[],
  problem: (path: readonly (string | number)[], message: string) => void,
): void {
  const seen = new Map<string, Parameter['in']>();
  for (const [index, { name, in: location }] of parameters.entries()) {
    const there = seen.get(name.toLowerCase());
    if (there !== undefined)
      problem([index, 'name'], `a parameter "${name}" is declared already, in ${there}`);
    seen.set(name.toLowerCase(), location);
  }
}
