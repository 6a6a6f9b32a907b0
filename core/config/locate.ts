import type { Path, Position } from './problems.ts';
import { offsetInSource } from './offsets.ts';
import { childrenOf, type Node } from './tree.ts';

/** Tells where the values of a configuration were written. A path that does not exist means its nearest ancestor. */
export class Locator {
  readonly #root: Node;

  constructor(root: Node) {
    this.#root = root;
  }

  /** The position of a value, of its key where it has one, or of the character at `offset` of a text. */
  positionOf(path: Path, { key = false, offset }: { key?: boolean; offset?: number } = {}): Position {
    const { source, at, keyAt, written } = this.#find(path);
    if (key) return source.positionOf(keyAt);
    const isInside = offset !== undefined && written !== undefined;
    return source.positionOf(isInside ? offsetInSource(source.text, written, offset) : at);
  }

  /** The file that a value stands in; relative paths in the value are meant from its folder. */
  fileOf(path: Path): string {
    return this.#find(path).source.file;
  }

  /** Whether a value, or anything in it, came from the environment or a secret file, and must not be printed. */
  isSecret(path: Path): boolean {
    return hasSecret(this.#find(path));
  }

  #find(path: Path): Node {
    let found = this.#root;
    for (const step of path) {
      const { content } = found;
      const child =
        content instanceof Map ? content.get(String(step)) : Array.isArray(content) && content[Number(step)];
      if (!child) break;
      found = child;
    }
    return found;
  }
}

function hasSecret(node: Node): boolean {
  for (const child of childrenOf(node)) if (hasSecret(child)) return true;
  return node.isSecret;
}
