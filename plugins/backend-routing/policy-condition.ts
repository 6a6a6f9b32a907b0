import { type Api, type Exchange, type Kit, describeAllowed } from '#sdk';
import { contains, parseAddress, parseBlock } from '#sdk/expressions';
import {
  type ReadValues,
  declaredParameters,
  declaredValues,
  pathValue,
  requestPathNames,
} from '#sdk/mapping';
import { compilePattern } from '#sdk/patterns';
import type { ConditionConfig } from './policy-options.ts';
import { systemSource } from './system-source.ts';

/** A condition of a policy, compiled. */
export interface PolicyCondition {
  holds(exchange: Exchange): boolean;
  /** Whether it depends on who calls, which only a real request tells. */
  readonly needsCaller: boolean;
  /** In words. */
  readonly text: string;
}

type Report = (field: keyof ConditionConfig | undefined, message: string, offset?: number) => void;

/** Stands where something is wrong; a configuration with problems is never served. */
const never: PolicyCondition = { holds: () => false, needsCaller: false, text: '' };

/** Compiles one condition; what is wrong with it is reported. @param path of the condition */
export function compilePolicyCondition(
  condition: ConditionConfig,
  path: readonly (string | number)[],
  kit: Pick<Kit, 'api' | 'problem'>,
): PolicyCondition {
  const report: Report = (field, message, offset) =>
    kit.problem(field === undefined ? path : [...path, field], message, offset);
  return condition.source === 'ip'
    ? addressCondition(condition, report)
    : valueCondition(condition, kit.api, report);
}

function addressCondition({ parameter, type, value }: ConditionConfig, report: Report): PolicyCondition {
  for (const [field, found] of Object.entries({ parameter, type })) {
    if (found !== undefined)
      report(field as keyof ConditionConfig, `${field} means nothing with \`source: ip\`; leave it out`);
  }
  const blocks = items(value).flatMap(({ text, offset }) => {
    const block = parseBlock(text);
    if (block !== undefined) return [block];
    const allowed = 'allowed: addresses and CIDR blocks with commas, such as 192.0.2.1, 2001:db8::/32';
    report('value', `found ${JSON.stringify(text)}; ${allowed}`, offset);
    return [];
  });
  return {
    holds({ clientAddress }) {
      const address = parseAddress(clientAddress);
      return address !== undefined && blocks.some((block) => contains(block, address));
    },
    needsCaller: false,
    text: `the source address is in ${value}`,
  };
}

function valueCondition(condition: ConditionConfig, api: Api, report: Report): PolicyCondition {
  const { source, parameter, type, value } = condition;
  if (parameter === undefined) {
    report(undefined, `"parameter" is missing: which ${source === 'system' ? 'system value' : 'parameter'}`);
  }
  if (type === undefined) report(undefined, '"type" is missing; allowed: equal, enum, pattern');
  const test = type === undefined ? undefined : compileTest(type, value, report);
  if (parameter === undefined || type === undefined || test === undefined) return never;
  const words = { equal: 'is', enum: 'is one of', pattern: 'matches' } as const;
  if (source === 'system') {
    const found = systemSource(parameter, (message) => report('parameter', message));
    if (found === undefined) return never;
    const { needsCaller, read } = found;
    return {
      holds: (exchange) => every(read(exchange), test),
      needsCaller,
      text: `system value ${parameter} ${words[type]} ${value}`,
    };
  }
  const read = parameterSource(parameter, api, report);
  if (read === undefined) return never;
  return {
    holds: (exchange) => every(read(exchange), test),
    needsCaller: false,
    text: `parameter ${parameter} ${words[type]} ${value}`,
  };
}

/** Of a parameter that is sent several times all values must hold: which one the backend reads is not for us to guess. */
function every(values: readonly string[], test: (value: string) => boolean): boolean {
  return values.length > 0 && values.every(test);
}

function parameterSource(name: string, api: Api, report: Report): ReadValues | undefined {
  const lower = name.toLowerCase();
  const declared = declaredParameters(api);
  const found = declared.find((each) => each.name.toLowerCase() === lower);
  if (found !== undefined) return declaredValues(found, api.request.path);
  const inPath = requestPathNames(api.request.path);
  const own = inPath.get(lower);
  if (own !== undefined) return pathValue(own);
  const names = new Set([...declared.map((each) => each.name), ...inPath.values()]);
  const hint = names.size === 0 ? 'none is declared' : describeAllowed(names, name);
  report('parameter', `request.parameters declares no ${JSON.stringify(name)}; ${hint}`);
  return undefined;
}

function compileTest(
  type: 'equal' | 'enum' | 'pattern',
  value: string,
  report: Report,
): ((value: string) => boolean) | undefined {
  if (type === 'equal') return (found) => found === value;
  if (type === 'enum') {
    const list = items(value);
    for (const { text, offset } of list) {
      if (text === '')
        report('value', 'there is nothing between two commas; allowed: values with commas', offset);
    }
    const words = new Set(list.map(({ text }) => text));
    return (found) => words.has(found);
  }
  try {
    return compilePattern(value);
  } catch (error) {
    report('value', error instanceof SyntaxError ? error.message : 'this is no regular expression');
    return undefined;
  }
}

/** What stands between commas, without the blanks around it, and where. */
function items(list: string): { text: string; offset: number }[] {
  let start = 0;
  return list.split(',').map((part) => {
    const offset = start + part.length - part.trimStart().length;
    start += part.length + 1;
    return { text: part.trim(), offset };
  });
}
