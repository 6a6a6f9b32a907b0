import { Options, type PluginDefinition, type TSchema, Type } from '#sdk';
import type { LoadedPlugin } from '../plugins/registry.ts';
import { apiFields, rootFields } from './schema.ts';

let last: { readonly definitions: readonly PluginDefinition[]; readonly schema: TSchema } | undefined;

/** The shape of a whole configuration: the kernel's keys, each plugin's section, and each plugin's API field. */
export function rootSchema(plugins: readonly LoadedPlugin[]): TSchema {
  const definitions = plugins.map(({ definition }) => definition);
  // The same plugins, the same schema: it is compiled once, not at each reload.
  const isSame =
    definitions.length === last?.definitions.length &&
    definitions.every((each, at) => each === last?.definitions[at]);
  if (isSame && last !== undefined) return last.schema;
  const apis = Type.Optional(Type.Record(Type.String(), apiSchema(plugins)));
  last = { definitions, schema: Options({ ...rootFields, apis, ...sections(plugins) }) };
  return last.schema;
}

function sections(plugins: readonly LoadedPlugin[]): Record<string, TSchema> {
  const found: Record<string, TSchema> = {};
  for (const { definition } of plugins) {
    const { section } = definition;
    if (section !== undefined) found[section.name] = Type.Optional(section.schema);
  }
  return found;
}

function apiSchema(plugins: readonly LoadedPlugin[]): TSchema {
  const fields: Record<string, TSchema> = {};
  for (const { definition } of plugins) {
    // What the field holds is checked against the plugin's options when it is bound.
    if (definition.apiField !== undefined) fields[definition.apiField] = Type.Optional(Type.Unknown());
  }
  return Options({ ...apiFields, ...fields });
}
