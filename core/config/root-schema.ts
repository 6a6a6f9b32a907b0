import { Options, type TSchema, Type } from '#sdk';
import type { LoadedPlugin } from '../plugins/registry.ts';
import { GroupName, apiFields, groupFields, requestFields, rootFields } from './schema.ts';

/** How the API field of a plugin is written when it stands in `request`. */
export const inRequest = 'request.';

const cache = new WeakMap<readonly LoadedPlugin[], TSchema>();

/** The shape of a whole configuration: the kernel's keys, each plugin's section, and each plugin's API field. */
export function rootSchema(plugins: readonly LoadedPlugin[]): TSchema {
  let schema = cache.get(plugins);
  if (schema === undefined) {
    schema = Options({
      ...rootFields,
      groups: Type.Optional(Type.Record(GroupName, groupSchema(plugins))),
      apis: Type.Optional(Type.Record(Type.String(), apiSchema(plugins))), ...sections(plugins),
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

function groupSchema(plugins: readonly LoadedPlugin[]): TSchema {
  const fields: Record<string, TSchema> = {};
  for (const { definition } of plugins) {
    const { groupField } = definition;
    if (groupField !== undefined) fields[groupField.name] = Type.Optional(groupField.schema);
  }
  return Options({ ...groupFields, ...fields });
}

function apiSchema(plugins: readonly LoadedPlugin[]): TSchema {
  const fields: Record<string, TSchema> = {};
  const requests: Record<string, TSchema> = {};
  for (const { definition } of plugins) {
    // What the field holds is checked against the plugin's options when it is bound.
    const { apiField } = definition;
    if (apiField === undefined) continue;
    if (apiField.startsWith(inRequest)) requests[apiField.slice(inRequest.length)] = Type.Optional(Type.Unknown());
    else fields[apiField] = Type.Optional(Type.Unknown());
  }
  return Options({ ...apiFields, request: Options({ ...requestFields, ...requests }), ...fields });
}
