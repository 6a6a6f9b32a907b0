import type { TSchema } from '#sdk';
import { type LoadedPlugin, isBackend } from '../plugins/registry.ts';
import { inRequest, rootSchema } from './root-schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** The JSON Schema of a configuration for editors: the checked shape, and each plugin's options where its type stands. */
export function documentSchema(plugins: readonly LoadedPlugin[]): Json {
  const root = JSON.parse(JSON.stringify(rootSchema(plugins))) as { properties: Record<string, Json> };
  const { apis, plugins: bound } = root.properties;
  const bindable = plugins.filter(({ definition }) => definition.bind !== undefined);
  const api = valueOf(apis);
  const fields = api['properties'] as Record<string, Json>;
  fields['auth'] = authSchema(bindable);
  const backends = bindable.filter(({ definition }) => isBackend(definition));
  const added = plugins.flatMap(({ definition: { backendField } }) =>
    backendField === undefined ? [] : [[backendField.name, withoutRequiredDefaults(backendField.schema)]],
  );
  fields['backend'] = {
    oneOf: typed(backends, 'backend-', undefined).map((each) => ({
      ...each,
      properties: { ...(each['properties'] as Json), ...Object.fromEntries(added) },
    })),
  };
  for (const { definition } of bindable) {
    const { apiField, config, dialects } = definition;
    if (apiField === undefined) continue;
    const isInRequest = apiField.startsWith(inRequest);
    const owner = isInRequest ? (fields['request']?.['properties'] as Record<string, Json>) : fields;
    const name = isInRequest ? apiField.slice(inRequest.length) : apiField;
    owner[name] = {
      anyOf: [{ type: 'boolean' }, withoutRequiredDefaults(dialects?.[apiField]?.config ?? config)],
    };
  }
  const entry = valueOf(bound);
  entry['oneOf'] = bindable.flatMap(({ definition }) => [
    binding(definition.name, definition.config),
    ...Object.entries(definition.dialects ?? {}).map(([type, dialect]) => binding(type, dialect.config)),
  ]);
  delete entry['properties'];
  delete entry['additionalProperties'];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Tapgate',
    ...withoutRequiredDefaults(root),
  };
}

/** The schema of a record's values. */
function valueOf(record: Json | undefined): Record<string, unknown> {
  const patterns = (record?.['patternProperties'] ?? {}) as Record<string, Record<string, unknown>>;
  return Object.values(patterns)[0] ?? (record?.['additionalProperties'] as Record<string, unknown>);
}

function authSchema(plugins: readonly LoadedPlugin[]): Json {
  const words = plugins.map(({ definition }) => definition.name).filter((name) => name.startsWith('auth-'));
  return {
    anyOf: [{ enum: words.map((name) => name.slice('auth-'.length)) }, ...typed(plugins, 'auth-', undefined)],
  };
}

function typed(plugins: readonly LoadedPlugin[], prefix: string, description: string | undefined): Json[] {
  return plugins
    .filter(({ definition }) => definition.name.startsWith(prefix))
    .map(({ definition }) => {
      const options = withoutRequiredDefaults(definition.config) as {
        properties?: Json;
        required?: string[];
      };
      return {
        type: 'object',
        description: description ?? definition.summary,
        properties: { type: { const: definition.name.slice(prefix.length) }, ...options.properties },
        required: ['type', ...(options.required ?? [])],
        additionalProperties: false,
      };
    });
}

function binding(type: string, config: TSchema | undefined): Json {
  const options = withoutRequiredDefaults(config);
  const needs = ((options['required'] as string[] | undefined) ?? []).length > 0;
  return {
    type: 'object',
    properties: { type: { const: type }, config: options },
    required: needs ? ['type', 'config'] : ['type'],
    additionalProperties: false,
  };
}

/** A field with a default is filled in before it is required: to somebody who writes the file it is optional. */
function withoutRequiredDefaults(schema: unknown): Json {
  if (schema === undefined) return { type: 'object', additionalProperties: false };
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) => {
    // Words of our own, which other validators do not know.
    if ((key === 'allowed' || key === 'secret') && typeof value !== 'object') return undefined;
    if (typeof value !== 'object' || value === null || !('required' in value) || !('properties' in value))
      return value;
    const { properties, required } = value as { properties: Record<string, Json>; required: unknown };
    if (!Array.isArray(required)) return value;
    const left = required.filter((name) => properties[String(name)]?.['default'] === undefined);
    return { ...value, required: left };
  }) as Json;
}
