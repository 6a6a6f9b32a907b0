import { Type, Variables, definePlugin, describeAllowed, offer } from '#sdk';
import { type ByEnvironment, expand } from './expand.ts';

const mostVariables = 50;

const Schema = Type.Record(
  Type.String(),
  Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 255 })),
  {
    description: 'Values for `#name#` in backend addresses and paths, by environment and name.',
  },
);

export default definePlugin({
  name: 'variables',
  summary: 'Values that differ between environments, for `#name#` in backend addresses and paths.',
  groupField: { name: 'variables', schema: Schema },
  offers: [Variables],
  setup(_section, kit) {
    const byGroup = new Map<string, ByEnvironment>();
    for (const { name, definition } of kit.groups) {
      const given = (definition['variables'] ?? {}) as Readonly<
        Record<string, Readonly<Record<string, string>>>
      >;
      const report = (path: readonly string[], message: string, offset?: number): void =>
        kit.problem(['groups', name, 'variables', ...path], message, offset);
      checkEnvironments(Object.keys(given), kit.environments, report);
      const byEnvironment = Object.entries(given).map(([environment, values]) => {
        checkVariables(environment, values, report);
        return [environment, new Map(Object.entries(values))] as const;
      });
      byGroup.set(name, new Map(byEnvironment));
    }
    return {
      amend: () => undefined,
      services: [
        offer(Variables, {
          expand: (group, environment, text) => expand(byGroup, group.name, environment, text),
        }),
      ],
    };
  },
});

type Report = (path: readonly string[], message: string, offset?: number) => void;

function checkEnvironments(given: readonly string[], known: readonly string[], report: Report): void {
  for (const environment of given) {
    if (known.includes(environment)) continue;
    report([environment], `there is no environment "${environment}"; ${describeAllowed(known, environment)}`);
  }
}

function checkVariables(environment: string, values: Readonly<Record<string, string>>, report: Report): void {
  const count = Object.keys(values).length;
  if (count > mostVariables)
    report([environment], `found ${count} variables; at most ${mostVariables} are allowed`);
  for (const [name, value] of Object.entries(values)) {
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name)) {
      const rule = 'letters, digits, _ and -, starting with a letter, at most 64';
      report([environment, name], `found the name "${name}"; allowed: ${rule}`);
    }
    // A value that brought a query, a parameter or another variable would mean more than its place says.
    const wrong = /[^!-~]|[#?{}]/.exec(value);
    if (wrong !== null) {
      report([environment, name], 'a value may hold visible ASCII characters except # ? { }', wrong.index);
    }
  }
}
