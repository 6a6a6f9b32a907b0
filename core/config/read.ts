import {
  type Hashes,
  type ReadText,
  hashing,
  isYaml,
  listYaml,
  noting,
  readFromDisk,
  readFromMemory,
} from './files.ts';
import type { Known, Reading } from './known.ts';
import { layoutOf } from './layout.ts';
import { Locator } from './locate.ts';
import { formatPath, formatPosition, type Problem } from './problems.ts';
import { Secrets } from './secrets.ts';
import { type Steps, atOnce } from './steps.ts';
import { Source, toRecord, type Node } from './tree.ts';
import { type Part, Whole, bytesOf } from './whole.ts';
import { readYaml } from './yaml.ts';

export const maxFileBytes = 64 * 1024 * 1024;

/** A configuration as it was written, before anything is known about what it means. */
export interface ConfigText {
  readonly root: Record<string, unknown>;
  readonly locate: Locator;
  /** Every file that was read or asked for, secret files included: those whose change means reading again. */
  readonly files: readonly string[];
  /** The same files with what they held; building adds those of extensions. */
  readonly hashes: Hashes;
  /** Reads a further file that the configuration names, and notes what it held. */
  readonly read: ReadText;
  readonly problems: Problem[];
  /** What has changed since the reading before; unless entries were kept, nobody knows. */
  readonly reading: Reading | undefined;
  /** Reads all that there is, when only what has changed was read: values and places of all else. */
  complete?(): Promise<void>;
  /** Frees what tells where values were written. They themselves stay. */
  release(): void;
}

/** A file or folder that could not be looked at. */
export interface Unlisted {
  readonly file: string;
  readonly reason: string;
}

/** Reads one YAML file, or all of them below a folder, as one configuration. Never throws: see `problems`. */
export function readConfig(path: string, env: NodeJS.ProcessEnv): ConfigText {
  const problems: Problem[] = [];
  const files = listYaml(path, (file, error) => problems.push(fileProblem(file, error)));
  return atOnce(readFiles(path, files, env, readFromDisk, problems));
}

/** The same for files that were looked for before, in steps. */
export function* readListed(
  path: string,
  { listed, unlisted }: { readonly listed: readonly string[]; readonly unlisted: readonly Unlisted[] },
  env: NodeJS.ProcessEnv,
  read: ReadText,
  known?: Known,
): Steps<ConfigText> {
  const once = (): Steps<ConfigText> => {
    const problems = unlisted.map(({ file, reason }) => fileProblem(file, new Error(reason)));
    return readFiles(path, listed, env, read, problems, read, known);
  };
  const text = yield* once();
  if (known?.isStale !== true) return text;
  text.release();
  known.forget();
  return yield* once();
}

/** The same for files given as text; names that do not end in .yaml or .yml are files that secrets refer to. */
export function readConfigText(texts: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): ConfigText {
  const files = Object.keys(texts).filter(isYaml).sort();
  const read = readFromMemory(texts);
  return atOnce(readFiles('.', files, env, read, [], readFromDisk));
}

function* readFiles(
  path: string,
  yamlFiles: readonly string[],
  env: NodeJS.ProcessEnv,
  readText: ReadText,
  problems: Problem[],
  readMore: ReadText = readText,
  known?: Known,
): Steps<ConfigText> {
  const hashes: Hashes = new Map();
  const secrets = new Secrets(env, noting(readText, hashes));
  const sections = new Map<string, Node>();
  const sources: Source[] = [];
  const parts = new Map<string, Part>();
  const copies = new Set<Node['content']>();
  let isEmpty = true;
  known?.begin(yamlFiles);
  for (const file of yamlFiles) {
    try {
      hashes.set(file, '');
      const text = readText(file, maxFileBytes);
      const bytes = bytesOf(text);
      hashes.set(file, yield* hashing(bytes));
      const node = yield* readYaml(file, text, secrets, problems, known);
      if (node !== undefined) sources.push(node.source);
      if (known !== undefined) parts.set(file, { bytes, layout: node && (yield* layoutOf(node)) });
      if (node?.content === null) continue;
      isEmpty = false;
      if (node?.content instanceof Map) mergeSections(sections, node.content, copies, problems);
      else if (node)
        problems.push({ at: node.source.positionOf(node.at), path: '', message: 'a file must be a mapping' });
    } catch (error) {
      problems.push(fileProblem(file, error));
    }
  }
  if (isEmpty && problems.length === 0)
    problems.push(fileProblem(yamlFiles[0] ?? path, new Error('there is nothing in it')));
  const reading = known?.end(hashes);
  const root = yield* toRecord(sections);
  const files = [...new Set([...yamlFiles, ...secrets.files])];
  if (known?.isEntangled === false && problems.length === 0)
    known.whole = new Whole(yamlFiles, root, files, parts);
  const source = new Source(yamlFiles[0] ?? path, '');
  const locate = new Locator({ source, at: 0, keyAt: 0, content: sections, isSecret: false });
  return {
    root,
    locate,
    files,
    hashes,
    read: noting(readMore, hashes),
    problems,
    reading,
    release() {
      for (const { events } of sources) events.release();
    },
  };
}

/**
 * Names of one section are put together, lists follow each other, all else that is written twice is a conflict.
 * @param copies contents that are nobody else's
 */
function mergeSections(
  sections: Map<string, Node>,
  added: ReadonlyMap<string, Node>,
  copies: Set<Node['content']>,
  problems: Problem[],
): void {
  for (const [name, node] of added) {
    const before = sections.get(name);
    if (before === undefined || before.content === null) {
      sections.set(name, node);
      continue;
    }
    if (node.content === null) continue;
    const first = copies.has(before.content) ? before : copyOf(before);
    copies.add(first.content);
    sections.set(name, first);
    if (first.content instanceof Map && node.content instanceof Map) {
      for (const [key, child] of node.content) {
        const earlier = first.content.get(key);
        if (earlier) problems.push(conflict([name, key], child, earlier));
        else first.content.set(key, child);
      }
    } else if (Array.isArray(first.content) && Array.isArray(node.content)) {
      for (const item of node.content) first.content.push(item);
    } else problems.push(conflict([name], node, first));
  }
}

/** Nodes are shared by aliases: only a copy of a section may take in more. */
function copyOf({ source, at, keyAt, isSecret, content }: Node): Node {
  const own = content instanceof Map ? new Map(content) : Array.isArray(content) ? [...content] : content;
  return { source, at, keyAt, isSecret, content: own };
}

function conflict(path: string[], later: Node, earlier: Node): Problem {
  const first = formatPosition(earlier.source.positionOf(earlier.keyAt));
  const at = later.source.positionOf(later.keyAt);
  return { at, path: formatPath(path), message: `this is already defined at ${first}` };
}

function fileProblem(file: string, error: unknown): Problem {
  const reason = error instanceof Error ? error.message : String(error);
  return { at: { file, line: 1, column: 1 }, path: '', message: `cannot be used: ${reason}` };
}
