import { type DataSet, DataSets, type Kit, describeAllowed } from '#sdk';
import { AddressSet, readRange } from './address-set.ts';
import type { List } from './options.ts';

/** How many callers' addresses are remembered: reading one costs fifty times as much as finding it here. */
const keptAddresses = 1024;

/** Whether an address is listed; undefined when the text is no address. */
export type Listed = (address: string) => boolean | undefined;

/**
 * The addresses of a list, and of its data sets, whose items come and go.
 * @param isKept whether addresses that were asked for are remembered: not those that callers write themselves
 */
export function listOf(
  { values = [], dataSets = [] }: List,
  path: readonly (string | number)[],
  { kit, isKept }: { readonly kit: Pick<Kit, 'problem' | 'find'>; readonly isKept: boolean },
): Listed {
  const ranges = values.flatMap((value, index) => {
    const range = readRange(value);
    if (typeof range !== 'string') return [range];
    kit.problem([...path, 'values', index], `found "${value}"; ${range}`);
    return [];
  });
  const addresses = new AddressSet(ranges);
  const fixed: Listed = isKept ? remembering((text) => addresses.has(text)) : (text) => addresses.has(text);
  const sets = dataSets.flatMap((name, index) => findSet(name, [...path, 'dataSets', index], kit) ?? []);
  if (sets.length === 0) return fixed;
  return (text) => {
    const isListed = fixed(text);
    return isListed === false ? sets.some((set) => set.has(text)) : isListed;
  };
}

function findSet(
  name: string,
  path: readonly (string | number)[],
  kit: Pick<Kit, 'problem' | 'find'>,
): DataSet | undefined {
  const known = kit.find(DataSets);
  const set = known?.byName(name);
  if (set === undefined) {
    kit.problem(path, `there is no data set "${name}"; ${describeAllowed(known?.names ?? [], name)}`);
  } else if (set.type !== 'IP_WHITELIST_CIDR') {
    kit.problem(path, `the data set "${name}" is of type ${set.type}; allowed: IP_WHITELIST_CIDR`);
  }
  return set;
}

function remembering(listed: Listed): Listed {
  const known = new Map<string, boolean | null>();
  return (address) => {
    let found = known.get(address);
    if (found === undefined) {
      found = listed(address) ?? null;
      if (known.size >= keptAddresses) known.clear();
      known.set(address, found);
    }
    return found ?? undefined;
  };
}
