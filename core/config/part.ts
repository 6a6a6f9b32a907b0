import { readChange } from './change.ts';
import { type ReadText, noting } from './files.ts';
import type { Known, Reading } from './known.ts';
import { section } from './layout.ts';
import { locatorOf } from './locate.ts';
import type { ConfigText } from './read.ts';
import { Secrets } from './secrets.ts';
import { inSlices } from './steps.ts';
import type { Node } from './tree.ts';
import type { Changed, Whole } from './whole.ts';

interface Sources {
  /** The YAML files. */
  readonly listed: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly known: Known;
  /** Finds the files that hold something else. */
  readonly look: (whole: Whole) => Promise<readonly (Changed | undefined)[]>;
  readonly read: ReadText;
  /** Reads everything, from what gives the texts of files. */
  readonly readAll: (read: ReadText) => Promise<ConfigText>;
}

/**
 * Reads what has changed alone, which takes a moment however much there is. Undefined when that cannot be done: everything
 * has to be read then, which also finds all that is wrong.
 */
export async function readPart(sources: Sources): Promise<ConfigText | undefined> {
  const { listed, known } = sources;
  const { whole } = known;
  if (whole === undefined || listed.join('\n') !== whole.listed.join('\n')) return undefined;
  if (!known.hasSameOthers()) return undefined;
  const reading = await readingOf(whole, sources);
  return reading && textOf(reading, whole, sources);
}

async function readingOf(whole: Whole, { known, env, look, read }: Sources): Promise<Reading | undefined> {
  // Whoever reads everything says what is wrong with a file.
  const changed = await look(whole).catch(() => undefined);
  if (changed === undefined || changed.length > 1) return undefined;
  const [change] = changed;
  if (change !== undefined) return inSlices(readChange(known, whole, change, new Secrets(env, read)));
  known.beginPart();
  return known.endPart(new Map(known.hashes), []);
}

function textOf(reading: Reading, whole: Whole, { known, env, read, readAll }: Sources): ConfigText {
  const { hashes } = known;
  const secrets = new Secrets(env, read);
  const nodes = new Map<string, Node | undefined>();
  const nodeOf = (name: string): Node | undefined => {
    if (!nodes.has(name)) nodes.set(name, whole.nodeOf(name, secrets));
    return nodes.get(name);
  };
  const text: ConfigText = {
    root: whole.root,
    locate: locatorOf(section, nodeOf),
    files: whole.files,
    hashes,
    read: noting(read, hashes),
    problems: [],
    reading,
    async complete() {
      // As it was read, whatever the disk holds by now.
      const all = await readAll((file, maxBytes) => whole.textOf(file) ?? read(file, maxBytes));
      Object.assign(text, all, { complete: undefined });
    },
    release: () => nodes.clear(),
  };
  return text;
}
