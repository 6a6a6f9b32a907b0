import { encodeQueryValue, toBytes } from './bytes.ts';
import type { DeclaredParameter } from './declared.ts';
import type { Target } from './write.ts';

/** What happens to the query or to the header fields of a request. */
export interface Passing {
  /** Names, in lower case, that do not go on as the caller sent them. */
  readonly dropped: ReadonlySet<string>;
  readonly targets: readonly Target[];
  /** Sent when the caller sends nothing of that name: the bytes of its value. */
  readonly defaults: readonly { readonly name: string; readonly lower: string; readonly value: string }[];
}

/** Plans one location; undefined when all goes on as it came. */
export function planPassing(
  location: 'query' | 'header',
  declared: readonly DeclaredParameter[],
  targets: readonly Target[],
): Passing | undefined {
  const here = targets.filter((target) => target.in === location);
  const taken = new Set(here.map(({ lower }) => lower));
  const dropped = new Set(taken);
  const defaults: { name: string; lower: string; value: string }[] = [];
  const mapped = new Set(targets.map(({ source }) => source.declared));
  for (const parameter of declared) {
    if (parameter.in !== location) continue;
    const lower = toBytes(parameter.name.toLowerCase());
    const stays = parameter.passThrough ?? !mapped.has(parameter);
    if (!stays) dropped.add(lower);
    else if (parameter.default !== undefined && !taken.has(lower)) {
      defaults.push({ name: parameter.name, lower, value: toBytes(parameter.default) });
    }
  }
  if (dropped.size === 0 && defaults.length === 0) return undefined;
  return { dropped, targets: here.map(encodedName), defaults };
}

function encodedName(target: Target): Target {
  return target.in === 'query' ? { ...target, name: encodeQueryValue(toBytes(target.name)) } : target;
}
