import { Options, type PluginDefinition, type TSchema, Type } from '#sdk';
import type { LoadedPlugin } from '../plugins/registry.ts';
import { apiFields, groupFields, requestFields, rootFields } from './schema.ts';

/** How the API field of a plugin is written when it stands in `request`. */
export const inRequest = 'request.';

let last: { readonly definitions: readonly PluginDefinition[]; readonly schema: TSchema } | undefined;

/** The shape of a whole configuration: the kernel's keys, and each plugin's section, group field and API field. */
export function rootSchema(plugins: readonly LoadedPlugin[]): TSchema {
  const definitions = plugins.map(({ definition }) => definition);
  // The same plugins, the same schema: it is compiled once, not at each reload.
  const isSame =
    definitions.length === last?.definitions.length &&
    definitions.every((each, at) => each === last?.definitions[at]);
  if (isSame && last !== undefined) return last.schema;
  const groups = Type.Optional(
    Type.Record(Type.String({ pattern: '^[^/\\s]+$' }), groupSchema(plugins), {
      additionalProperties: false,
      allowed: 'names without / and blanks',
    }),
  );
  const apis = Type.Optional(Type.Record(Type.String(), apiSchema(plugins)));
  last = { definitions, schema: Options({ ...rootFields, groups, apis, ...sections(plugins) }) };
  return last.schema;
}

function sections(plugins: readonly LoadedPlugin[]): Record<string, TSchema> {
  const found: Record<string, TSchema> = {};
  for (const { definition } of plugins) {
    const { section, moreSections = [] } = definition;
    for (const { name, schema } of section === undefined ? moreSections : [section, ...moreSections]) {
      found[name] = Type.Optional(schema);
    }
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
    if (apiField.startsWith(inRequest))
      requests[apiField.slice(inRequest.length)] = Type.Optional(Type.Unknown());
    else fields[apiField] = Type.Optional(Type.Unknown());
  }
  const request = Options({ ...requestFields, ...requests });
  const { description, ...others } = apiFields;
  return Options({ description, request, ...others, ...fields });
}
