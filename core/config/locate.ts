import type { Path, Position } from './problems.ts';
import { offsetInSource } from './offsets.ts';
import { childrenOf, type Node } from './tree.ts';

/** Tells where the values of a configuration were written. A path that does not exist means its nearest ancestor. */
export class Locator {
  /** Whether it was asked for what was not read. */
  hasMissed = false;
  readonly #root: Node;

  constructor(root: Node) {
    this.#root = root;
  }

  /** The position of a value, of its key where it has one, or of the character at `offset` of a text. */
  positionOf(path: Path, { key = false, offset }: { key?: boolean; offset?: number } = {}): Position {
    const found = this.#find(path);
    const { source } = found;
    if (key) return source.positionOf(found.keyAt);
    const written = offset === undefined ? undefined : found.written;
    if (offset === undefined || written === undefined) return source.positionOf(found.at);
    return source.positionOf(offsetInSource(source, written, offset));
  }

  /** The file that a value stands in; relative paths in the value are meant from its folder. */
  fileOf(path: Path): string {
    return this.#find(path).source.file;
  }

  /** Whether a value, or anything in it, came from the environment or a secret file, and must not be printed. */
  isSecret(path: Path): boolean {
    return hasSecret(this.#find(path));
  }

  /** The text without the secrets that stand at the path or below it: whoever wrote it may have quoted one. */
  redact(path: Path, text: string): string {
    let redacted = text;
    for (const secret of secretsOf(this.#find(path))) {
      redacted = redacted.replaceAll(`"${secret}"`, '"[secret]"');
      // Shorter ones stand in ordinary words too.
      if (secret.length >= 4) redacted = redacted.replaceAll(secret, '[secret]');
    }
    return redacted;
  }

  #find(path: Path): Node {
    let found = this.#root;
    for (const step of path) {
      const child = partOf(found, step);
      if (child === undefined) break;
      found = child;
    }
    return found;
  }
}

/** Was asked where something stands that was not read, since only a change was. */
class Unread extends Error {}

/** Finds the entries of one section, all that there is of it. Throws for what is not among them. */
export function locatorOf(section: string, entryOf: (name: string) => Node | undefined): Locator {
  const unread = (part: (step: string | number) => Node | undefined): Node => {
    const miss = (): never => {
      locator.hasMissed = true;
      throw new Unread('this was not read');
    };
    return {
      get source() {
        return miss();
      },
      get at() {
        return miss();
      },
      get keyAt() {
        return miss();
      },
      get content() {
        return miss();
      },
      get isSecret() {
        return miss();
      },
      part: (step) => part(step) ?? miss(),
    };
  };
  const entries = unread((name) => entryOf(String(name)));
  const locator = new Locator(unread((name) => (name === section ? entries : undefined)));
  return locator;
}

function partOf(node: Node, step: string | number): Node | undefined {
  if (node.part !== undefined) return node.part(step);
  const { content } = node;
  if (content instanceof Map) return content.get(String(step));
  return Array.isArray(content) ? content[Number(step)] : undefined;
}

function* secretsOf(node: Node): Generator<string, void, undefined> {
  for (const child of childrenOf(node)) yield* secretsOf(child);
  yield* node.secrets ?? [];
}

function hasSecret(node: Node): boolean {
  for (const child of childrenOf(node)) if (hasSecret(child)) return true;
  return node.isSecret;
}
