import { type LoadedPlugin, isBackend } from '../plugins/registry.ts';
import { installedPlugins } from './installed.ts';

/** Lists the plugins with what they take. */
export async function plugins(config: string | undefined): Promise<number> {
  const installed = await installedPlugins(config);
  for (const plugin of installed) process.stdout.write(`${describe(plugin)}\n`);
  return 0;
}

function describe({ definition }: LoadedPlugin): string {
  const { name, summary, dialects, apiField, groupField, section } = definition;
  const isBindable = definition.bind !== undefined;
  const lines = [`${name}: ${summary}`];
  const use: string[] = [];
  if (name.startsWith('auth-')) use.push(`auth: ${name.slice('auth-'.length)}`);
  else if (isBackend(definition) && isBindable) use.push(`backend: {type: ${name.slice('backend-'.length)}}`);
  else if (isBindable) use.push(`type: ${name}`);
  for (const dialect of Object.keys(dialects ?? {})) use.push(`type: ${dialect}`);
  if (apiField !== undefined) use.push(`API field ${apiField}`);
  if (groupField !== undefined) use.push(`group field ${groupField.name}`);
  if (section !== undefined) use.push(`section ${section.name}`);
  if (definition.setup !== undefined && section === undefined) use.push('always active');
  lines.push(`  use      ${use.join(', ')}`);
  for (const [option, schema] of optionsOf(definition.config)) lines.push(`  option   ${option}: ${schema}`);
  return lines.join('\n');
}

function optionsOf(schema: unknown): [string, string][] {
  const { properties, required } = (schema ?? {}) as {
    properties?: Record<string, { type?: string; enum?: string[]; default?: unknown; description?: string }>;
    required?: string[];
  };
  return Object.entries(properties ?? {}).map(([name, option]) => {
    const type = option.enum?.join(' | ') ?? option.type ?? 'value';
    const fallback = option.default === undefined ? '' : `, default ${JSON.stringify(option.default)}`;
    const need = required?.includes(name) === true && option.default === undefined ? ', required' : '';
    return [
      name,
      `${type}${need}${fallback}${option.description === undefined ? '' : `. ${option.description}`}`,
    ];
  });
}
