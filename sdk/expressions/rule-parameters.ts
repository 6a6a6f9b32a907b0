import type { Exchange } from '../exchange.ts';
import { systemNames, systemValue } from '../mapping/system.ts';
import { decodePath } from '../params.ts';
import { type Static, Type } from 'typebox';
import { OneOf, Options } from '../schema.ts';
import { textOf } from '../signatures/alibaba-message.ts';
import type { Reader } from './bind.ts';
import { didYouMean, nearest } from './nearest.ts';
import type { ReportProblem } from './reporting.ts';

/** One of the `parameters` that Huawei's plug-ins declare for their rules. */
export const RuleParameter = Options({
  id: Type.Optional(
    Type.String({
      description: 'What a console calls it; of no meaning here, accepted because exports have it.',
    }),
  ),
  type: OneOf(['path', 'method', 'header', 'query', 'system'], { description: 'Where the value stands.' }),
  name: Type.String({ minLength: 1, maxLength: 256, description: 'What rules call it.' }),
  value: Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'The name of the header, query parameter or system parameter; `name` unless given.',
    }),
  ),
});

/** A declared parameter of rules. */
export type RuleParameter = Static<typeof RuleParameter>;

const readPath: Reader<Exchange> = ({ path }) => decodePath(path);
const readMethod: Reader<Exchange> = ({ method }) => method;

/**
 * What rules may name: `reqPath` and `method`, which need no declaration, and the parameters. Of a header and a query
 * parameter it is the first value; a system parameter may be written `sourceIp` or `$context.sourceIp`, and one that is
 * empty is not there. Of two with one name the later is reported.
 * @param path of the list of parameters
 */
export function ruleReaders(
  parameters: readonly RuleParameter[],
  path: readonly (string | number)[],
  problem: ReportProblem,
): ReadonlyMap<string, Reader<Exchange>> {
  const readers = new Map<string, Reader<Exchange>>([
    ['reqPath', readPath],
    ['method', readMethod],
  ]);
  const declared = new Set<string>();
  for (const [index, parameter] of parameters.entries()) {
    const { name } = parameter;
    if (declared.has(name)) problem([...path, index, 'name'], `"${name}" is declared already`);
    declared.add(name);
    const reader = readerOf(
      parameter,
      [...path, index, parameter.value === undefined ? 'name' : 'value'],
      problem,
    );
    readers.set(name, reader);
  }
  return readers;
}

function readerOf(
  { type, name, value = name }: RuleParameter,
  path: readonly (string | number)[],
  problem: ReportProblem,
): Reader<Exchange> {
  switch (type) {
    case 'path':
      return readPath;
    case 'method':
      return readMethod;
    case 'header':
      return ({ headers }) => {
        const text = headers.get(value);
        return text === undefined ? undefined : textOf(text);
      };
    case 'query':
      return ({ query }) => query.get(value);
    case 'system':
    default:
      return systemReader(value, path, problem);
  }
}

function systemReader(
  text: string,
  path: readonly (string | number)[],
  problem: ReportProblem,
): Reader<Exchange> {
  const name = text.replace(/^\$context\./, '');
  const read = systemValue(name);
  if (read !== undefined) {
    return (exchange) => {
      const value = read(exchange, exchange);
      return value === '' ? undefined : value;
    };
  }
  const question = didYouMean(nearest(name, systemNames));
  problem(
    path,
    `unknown system parameter ${JSON.stringify(text)}${question || ':'} allowed are ${systemNames.join(', ')}`,
    text.length - name.length,
  );
  return () => undefined;
}
