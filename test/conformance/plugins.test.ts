import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Hooks, PluginDefinition, TSchema } from '#sdk';
import { ConfigError } from '../../core/config/problems.ts';
import { readConfigText } from '../../core/config/read.ts';
import { Gateway } from '../../core/gateway.ts';
import { isBackend, schemaProblem } from '../../core/plugins/registry.ts';
import { root } from '../architecture/sources.ts';

/* What every plugin must hold, whatever it does: the rules an operator and an author may rely on. */

// Some plugins open files; what they open lies here.
const scratch = mkdtempSync(join(tmpdir(), 'tapgate-conformance-'));
process.chdir(scratch);
after(() => {
  process.chdir(root);
  rmSync(scratch, { recursive: true });
});

const folders = readdirSync(join(root, 'plugins'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Stands for every environment variable that an example may name. */
const env = new Proxy<Record<string, string>>(
  {},
  {
    get: (_target, name) => (typeof name === 'string' ? `value-of-${name}` : undefined),
    getOwnPropertyDescriptor: () => ({ value: '', configurable: true, enumerable: true, writable: true }),
  },
);

/** Builds a configuration; answers its problems, or an empty list. */
async function problemsOf(yaml: string, plugins: readonly PluginDefinition[] = []): Promise<string[]> {
  try {
    const { snapshot } = await new Gateway({ log: silent, plugins }).build(
      readConfigText({ 'gateway.yaml': yaml }, env),
    );
    snapshot.retire();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ at, path, message }) => `${at?.line}: ${path}: ${message}`);
  }
}

type Json = Readonly<Record<string, unknown>>;

/** Each schema in a schema, itself included, with a path to it. */
function* schemasIn(schema: Json, path: string): Generator<[string, Json], void, undefined> {
  yield [path, schema];
  for (const key of ['properties', 'patternProperties']) {
    for (const [name, each] of Object.entries((schema[key] ?? {}) as Record<string, Json>)) {
      yield* schemasIn(each, `${path}.${key === 'properties' ? name : '*'}`);
    }
  }
  for (const key of ['anyOf', 'oneOf', 'allOf']) {
    for (const [index, each] of ((schema[key] ?? []) as Json[]).entries())
      yield* schemasIn(each, `${path}|${index}`);
  }
  // One of the two holds: a mapping, or something shorter.
  for (const key of ['then', 'else']) {
    if (schema[key] !== undefined) yield* schemasIn(schema[key] as Json, `${path}|${key}`);
  }
  const { items, additionalProperties } = schema;
  for (const each of [items, additionalProperties]) {
    if (typeof each === 'object' && each !== null) yield* schemasIn(each as Json, `${path}[]`);
  }
}

const hasType = (schema: Json): boolean =>
  ['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref', 'then'].some(
    (key) => schema[key] !== undefined,
  );

/** The names of all options of a schema, at every level. */
function optionNames(schema: TSchema | undefined): string[] {
  if (schema === undefined) return [];
  const all = [...schemasIn(schema as Json, '')];
  return all.flatMap(([, each]) => Object.keys(each['properties'] ?? {}));
}

/** An API that the plugin is bound to with nothing but its name. */
function bareConfig(definition: PluginDefinition): string {
  const { name } = definition;
  const isKind = name.startsWith('auth-') || isBackend(definition);
  const kind = isKind ? /^(auth|backend)-(.+)$/.exec(name) : null;
  const auth = kind?.[1] === 'auth' ? kind[2] : 'none';
  const backend = kind?.[1] === 'backend' ? kind[2] : 'mock';
  const binding =
    kind === null ? `plugins: { mine: { type: ${name} } }\nbindings: [{ plugin: mine, apis: ['*'] }]` : '';
  return `groups: { g: { domains: ['*'] } }
apis:
  g/a:
    request: { method: GET, path: / }
    auth: ${auth}
    backend: { type: ${backend} }
${binding}
`;
}

/** Whether its options are a mapping, and not what an API's field holds as a word or a list. */
const takesOptions = ({ config }: PluginDefinition): boolean =>
  config === undefined || (config as Json)['type'] === 'object';

/** The same plugin; notes the hooks of every binding. */
function watch(definition: PluginDefinition, bound: Hooks[]): PluginDefinition {
  const noted = <T extends Hooks | undefined>(hooks: T): T => {
    if (hooks !== undefined) bound.push(hooks);
    return hooks;
  };
  return {
    ...definition,
    ...(definition.bind !== undefined && {
      bind: (config, kit) => noted(definition.bind?.(config, kit) ?? {}),
    }),
    ...(definition.bindRest !== undefined && {
      bindRest: (section, kit) => noted(definition.bindRest?.(section, kit)),
    }),
  };
}

test('there are plugins', () => {
  assert.ok(folders.length >= 5, folders.join(' '));
});

for (const name of folders) {
  const folder = join(root, 'plugins', name);
  const { default: definition } = (await import(join(folder, 'plugin.ts'))) as { default: PluginDefinition };

  test(`${name}: has its files, its name and one sentence on what it is for`, () => {
    for (const file of ['plugin.ts', 'plugin.test.ts', 'README.md'])
      assert.ok(existsSync(join(folder, file)), file);
    assert.equal(definition.name, name);
    assert.match(definition.summary, /^[A-Z][^\n]*[A-Za-z0-9)`]\.$/);
    assert.doesNotMatch(definition.summary.replaceAll(/`[^`]*`/g, ''), /[.!?] [A-Z]/, 'one sentence');
  });

  test(`${name}: its schemas refuse unknown fields at every level, and every option has a type`, () => {
    assert.equal(schemaProblem(definition), undefined);
    const { config, section, moreSections = [], groupField, apiField } = definition;
    for (const [what, schema] of [
      ['config', config],
      ['section', section?.schema],
      ...moreSections.map((each) => [each.name, each.schema] as const),
      ['groupField', groupField?.schema],
    ] as const) {
      if (schema === undefined) continue;
      // What a field of an API or a group holds may be a word or a list.
      if (what === 'section' || (what === 'config' && apiField === undefined)) {
        assert.equal((schema as Json)['type'], 'object', `${what} is an object`);
      }
      for (const [path, each] of schemasIn(schema as Json, what)) {
        // The values of a record may be another plugin's to check, as those of a backend are.
        assert.ok(hasType(each) || path.endsWith('*'), `${path} has no type`);
        if (each['properties'] !== undefined)
          assert.equal(each['additionalProperties'], false, `${path} takes anything`);
      }
    }
    for (const [type, dialect] of Object.entries(definition.dialects ?? {})) {
      assert.ok(hasType(dialect.config as Json), `the dialect ${type} has no type`);
    }
  });

  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const blocks = Array.from(readme.matchAll(/^```yaml\n([^]*?)^```$/gm), ([, block = '']) => block);

  test(`${name}: its page names every option, its dialects, its section and its fields`, () => {
    assert.match(readme, new RegExp(`^# ${name}\\n`));
    const { config, section, moreSections = [], dialects, apiField, groupField } = definition;
    const sections = section === undefined ? moreSections : [section, ...moreSections];
    const schemas = [config, ...sections.map(({ schema }) => schema), groupField?.schema];
    const names = [...schemas.flatMap(optionNames), ...Object.keys(dialects ?? {})];
    for (const word of [...names, ...sections.map((each) => each.name), apiField, groupField?.name]) {
      if (word !== undefined) assert.match(readme, new RegExp(`\\b${RegExp.escape(word)}\\b`), word);
    }
    assert.ok(blocks.length > 0, 'a ```yaml block to paste');
  });

  for (const [index, block] of blocks.entries()) {
    if (!/^apis:/m.test(block)) continue;
    test(`${name}: the configuration on its page loads (${index + 1})`, async () => {
      assert.deepEqual(await problemsOf(block), []);
    });
  }

  test(`${name}: at least one configuration on its page is whole`, () => {
    assert.ok(blocks.some((block) => /^apis:/m.test(block)));
  });

  if (definition.bind === undefined && definition.bindRest === undefined) continue;

  test(`${name}: each binding has hooks of its own, and disposing twice does no harm`, async () => {
    const bound: Hooks[] = [];
    const watched = watch(definition, bound);
    for (const block of blocks.filter((each) => /^apis:/m.test(each))) {
      for (let round = 0; round < 2; round += 1) assert.deepEqual(await problemsOf(block, [watched]), []);
    }
    assert.ok(bound.length >= 2, 'the examples bind it');
    assert.equal(new Set(bound).size, bound.length, 'two bindings share their hooks');
    const parts = bound.flatMap((hooks) => [hooks.auth, hooks.backend]).filter((part) => part !== undefined);
    assert.equal(new Set(parts).size, parts.length, 'two bindings share a part of their hooks');
    // Retiring the configuration has called it once already.
    for (const hooks of bound) await hooks.dispose?.();
  });

  if (definition.bind === undefined) continue;

  if (!takesOptions(definition)) {
    test(`${name}: options where it takes a word or a list are refused with what is allowed`, async () => {
      const problems = await problemsOf(bareConfig(definition));
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', /found a mapping; allowed: /);
    });
    continue;
  }

  test(`${name}: bound with nothing, it works or says which option is missing`, async () => {
    for (const problem of await problemsOf(bareConfig(definition))) {
      assert.match(problem, /"\w+" is missing|no plugin offers|must have/, problem);
    }
  });

  test(`${name}: an option that there is not is refused with its name`, async () => {
    const yaml = bareConfig(definition)
      .replace(`{ type: ${name} }`, `{ type: ${name}, config: { no-such-option: 1 } }`)
      .replace(/(auth: )(\w[\w-]*)$/m, (all, key: string, type: string) =>
        name === `auth-${type}` ? `${key}{ type: ${type}, no-such-option: 1 }` : all,
      )
      .replace(/backend: \{ type: ([\w-]+) \}/, (all, type: string) =>
        name === `backend-${type}` ? `backend: { type: ${type}, no-such-option: 1 }` : all,
      );
    const problems = await problemsOf(yaml);
    assert.ok(
      problems.some((problem) => /no-such-option: unknown field/.test(problem)),
      problems.join('\n'),
    );
  });
}
