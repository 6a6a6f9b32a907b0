import type { Reply } from '#sdk';
import type { Terms } from './terms.ts';

/** What is stored of an answer beside what follows from it. */
export interface Stored {
  readonly status: number;
  /** Names and values in turn, without `Age` and what holds for one connection only. */
  readonly flat: readonly string[];
  readonly body: Buffer;
  readonly varyNames: readonly string[];
  /** What the request had in them. */
  readonly selecting: string;
  /** Milliseconds of the gateway's clock when the backend was asked, and when it answered. */
  readonly requestedAt: number;
  readonly respondedAt: number;
}

/** What an entry takes beside its content and its fields. */
const entryBytes = 600;

/** A stored answer, and how it may be used. */
export class Entry implements Stored {
  readonly status: number;
  readonly flat: readonly string[];
  readonly body: Buffer;
  readonly varyNames: readonly string[];
  readonly selecting: string;
  readonly requestedAt: number;
  readonly respondedAt: number;
  readonly terms: Terms;
  /** The whole answer as it was last given, and the `Age` in it: within one second all callers get the same. */
  reply: Reply | undefined;
  replyAge = -1;

  constructor(stored: Stored, terms: Terms) {
    this.status = stored.status;
    this.flat = stored.flat;
    this.body = stored.body;
    this.varyNames = stored.varyNames;
    this.selecting = stored.selecting;
    this.requestedAt = stored.requestedAt;
    this.respondedAt = stored.respondedAt;
    this.terms = terms;
  }

  get bytes(): number {
    let bytes = entryBytes + this.body.length + this.selecting.length;
    for (const text of this.flat) bytes += text.length + 16;
    return bytes;
  }
}
