import { type Group, type SetupKit, defineService } from '#sdk';
import { type Renderer, compileResponse } from './compile.ts';
import type { GroupResponse } from './options.ts';

/** The name of the response that applies where no other is chosen. */
export const defaultName = 'default';

const mostNamed = 4;

/** The responses of all groups, compiled once for a configuration; only this plugin uses it. */
export interface CompiledResponses {
  ofGroup(group: Group): ReadonlyMap<string, Renderer>;
}

export const CompiledResponses = defineService<CompiledResponses>('gateway-responses');

const none: ReadonlyMap<string, Renderer> = new Map();

export function compileGroups(kit: SetupKit): CompiledResponses {
  const byGroup = new Map<string, ReadonlyMap<string, Renderer>>();
  for (const { name: group, definition } of kit.groups) {
    const given = (definition['responses'] ?? {}) as Readonly<Record<string, GroupResponse>>;
    const path = ['groups', group, 'responses'];
    const named = Object.keys(given).filter((name) => name !== defaultName);
    if (named.length > mostNamed) {
      kit.problem(
        path,
        `found ${named.length} responses beside "${defaultName}"; at most ${mostNamed} are allowed`,
      );
    }
    const renderers = Object.entries(given).map(([name, response]) => {
      if (!/^[^\s/]{1,64}$/.test(name)) {
        kit.problem(
          [...path, name],
          `found the name "${name}"; allowed: 1 to 64 characters without blanks and /`,
        );
      }
      const report = (at: readonly string[], message: string, offset?: number): void =>
        kit.problem([...path, name, ...at], message, offset);
      return [name, compileResponse(response, report)] as const;
    });
    byGroup.set(group, new Map(renderers));
  }
  return { ofGroup: ({ name }) => byGroup.get(name) ?? none };
}

/** Finds a group by the host that a request names: exact, then the longest `*.x`, then `*`. */
export function groupFinder(groups: readonly Group[]): (host: string) => Group | undefined {
  const byHost = new Map(groups.flatMap((group) => group.hosts.map((host) => [host, group] as const)));
  return (host) => {
    const exact = byHost.get(host);
    if (exact !== undefined) return exact;
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const below = byHost.get(`*${host.slice(dot)}`);
      if (below !== undefined) return below;
    }
    return byHost.get('*');
  };
}
