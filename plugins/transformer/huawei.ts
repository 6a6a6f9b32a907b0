import { type Kit, OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import type { Config, ResponseChange } from './options.ts';
import { responseProblems } from './response.ts';

type Problem = Kit['problem'];

const Header = Options({
  name: Type.String({ minLength: 1, maxLength: 32 }),
  value: Type.Optional(Type.String({ maxLength: 255 })),
  value_type: OneOf(['custom_value', 'system_parameter'], { default: 'custom_value' }),
  action: OneOf(['override', 'append', 'delete', 'skip', 'add']),
});

const Document = Options({
  response_headers: Type.Array(Header, { minItems: 1, maxItems: 10 }),
});

type HuaweiHeader = Static<typeof Header>;

const actions = {
  override: 'set',
  append: 'join',
  delete: 'remove',
  skip: 'default',
  add: 'add',
} as const satisfies Record<HuaweiHeader['action'], ResponseChange['action']>;

const cacheStatusName = '$context.cacheStatus';

/** The HTTP response header management plug-in of Huawei Cloud API Gateway. */
export const setRespHeaders = defineDialect(
  Document,
  ({ response_headers: headers }: Static<typeof Document>, problem: Problem): Config => ({
    request: [],
    response: headers.map((header, index) => translate(header, ['response_headers', index], problem)),
  }),
);

function translate(
  header: HuaweiHeader,
  path: readonly (string | number)[],
  problem: Problem,
): ResponseChange {
  const { name, action, value_type: valueType } = header;
  if (/^(?:x-apig-|access-control-)|^x-request-id$/i.test(name)) {
    problem(
      [...path, 'name'],
      `"${name}" cannot be changed; allowed: other fields than x-apig-*, x-request-id and those of CORS`,
    );
  }
  if (valueType === 'system_parameter') return systemValue(header, path, problem);
  // What is deleted may come with the value that a console left there.
  const value = action === 'delete' ? undefined : header.value;
  const change: ResponseChange = {
    action: actions[action],
    name,
    ...(value === undefined ? {} : { value }),
  };
  for (const [field, message] of Object.entries(responseProblems(change))) {
    // Reported above.
    if (field === 'name' && /^x-request-id$/i.test(name)) continue;
    problem([...path, field], message);
  }
  return change;
}

function systemValue(
  { name, action, value }: HuaweiHeader,
  path: readonly (string | number)[],
  problem: Problem,
): ResponseChange {
  if (value !== cacheStatusName)
    problem([...path, 'value'], `found ${JSON.stringify(value ?? '')}; allowed: ${cacheStatusName}`);
  if (action !== 'add' && action !== 'append')
    problem([...path, 'action'], `found "${action}"; allowed with a system parameter: add, append`);
  const { name: wrong } = responseProblems({ action: 'add', name, from: 'cacheStatus' });
  if (wrong !== undefined && !/^x-request-id$/i.test(name)) problem([...path, 'name'], wrong);
  return { action: actions[action], name, from: 'cacheStatus' };
}
