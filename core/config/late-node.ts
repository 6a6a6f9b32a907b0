import type { Node, Source } from './tree.ts';

/** Makes nodes from the events of a file. */
export interface Maker {
  readonly source: Source;
  /** The node of the value that begins at an event. */
  make(event: number, keyAt: number): Node;
  /** Where that value begins. */
  startAt(event: number, keyAt: number): number;
  partAt(event: number, step: string | number): Part | undefined;
}

/** Where a part of a mapping or list begins. */
export interface Part {
  readonly event: number;
  readonly keyAt: number;
}

/**
 * A value of which no node is kept: with ten thousand APIs nodes would be most of what there is while a configuration is
 * built. Whoever asks where something in it was written, or whether it is secret, has it read again.
 */
export class LateNode implements Node {
  readonly keyAt: number;
  /** What it says; undefined for a part of an entry. */
  readonly value: unknown;
  readonly #maker: Maker;
  readonly #event: number;

  constructor(maker: Maker, { event, keyAt }: Part, value?: unknown) {
    this.#maker = maker;
    this.#event = event;
    this.keyAt = keyAt;
    this.value = value;
  }

  get source(): Source {
    return this.#maker.source;
  }

  get at(): number {
    return this.#maker.startAt(this.#event, this.keyAt);
  }

  get whole(): Node {
    return this.#maker.make(this.#event, this.keyAt);
  }

  get content(): Node['content'] {
    return this.whole.content;
  }

  get isSecret(): boolean {
    return this.whole.isSecret;
  }

  get written(): number | undefined {
    return this.whole.written;
  }

  get secrets(): readonly string[] | undefined {
    return this.whole.secrets;
  }

  part(step: string | number): LateNode | undefined {
    const part = this.#maker.partAt(this.#event, step);
    return part && new LateNode(this.#maker, part);
  }
}
