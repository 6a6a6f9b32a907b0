import { Options, type TSchema, Type } from '#sdk';
import type { LoadedPlugin } from '../plugins/registry.ts';
import { apiFields, rootFields } from './schema.ts';

const cache = new WeakMap<readonly LoadedPlugin[], TSchema>();

/** The shape of a whole configuration: the kernel's keys, each plugin's section, and each plugin's API field. */
export function rootSchema(plugins: readonly LoadedPlugin[]): TSchema {
  let schema = cache.get(plugins);
  if (schema === undefined) {
    schema = Options({
      ...rootFields,
      apis: Type.Optional(Type.Record(Type.String(), apiSchema(plugins))),
      ...sections(plugins),
    });
    cache.set(plugins, schema);
  }
  return schema;
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
