/** How often is looked at what was set since the last look, and at what is due soon. */
const stepMs = 20;
/** How often all of it is looked at. */
const longStepMs = 1000;
/** A look that comes so much later than it was to: nothing else could happen either. */
const behindMs = 100;

/** Deadlines in no order; see `Deadline`. */
interface Row {
  first: Deadline | null;
}

/**
 * Something that is to happen unless it is stopped before. It happens by two steps later than it is due, never earlier:
 * its time begins when it is first looked at.
 */
export abstract class Deadline {
  #ms = 0;
  /** On the clock of `performance.now()`; unknown until it is looked at. */
  #dueAt: number | null = null;
  #row: Row | null = null;
  #before: Deadline | null = null;
  #after: Deadline | null = null;

  /** What happens. */
  abstract late(): void;

  /** Sets it, or sets it anew. */
  setDeadline(ms: number): void {
    this.#ms = ms;
    this.#dueAt = null;
    if (this.#row === soon) return;
    this.clearDeadline();
    this.#join(soon);
    if (ticking !== null) return;
    lookedAt = performance.now();
    ticking = setTimeout(Deadline.#look, stepMs);
  }

  clearDeadline(): void {
    const row = this.#row;
    if (row === null) return;
    this.#row = null;
    if (this.#before === null) row.first = this.#after;
    else this.#before.#after = this.#after;
    if (this.#after !== null) this.#after.#before = this.#before;
    this.#before = null;
    this.#after = null;
  }

  #join(row: Row): void {
    this.#row = row;
    this.#after = row.first;
    if (row.first !== null) row.first.#before = this;
    row.first = this;
  }

  #move(row: Row): void {
    this.clearDeadline();
    this.#join(row);
  }

  static #look(this: void): void {
    if (soon.first === null && distant.first === null) {
      ticking = null;
      return;
    }
    ticking?.refresh();
    const now = performance.now();
    // Answers that came while nothing could happen are yet to be read.
    isBehind = now - lookedAt > stepMs + behindMs && !isBehind;
    lookedAt = now;
    if (now >= allLookedAtBy) Deadline.#lookAtDistant(now + longStepMs);
    for (const each of Deadline.#lookAtSoon(now)) {
      // Another one that is late may have stopped it, or set it anew.
      if (each.#row === null || each.#dueAt === null) continue;
      each.clearDeadline();
      each.late();
    }
  }

  static #lookAtDistant(next: number): void {
    allLookedAtBy = next;
    for (let each = distant.first; each !== null;) {
      const after: Deadline | null = each.#after;
      if (each.#dueAt !== null && each.#dueAt <= next) each.#move(soon);
      each = after;
    }
  }

  /** Those that are late. */
  static #lookAtSoon(now: number): readonly Deadline[] {
    const late: Deadline[] = [];
    for (let each = soon.first; each !== null;) {
      const after: Deadline | null = each.#after;
      each.#dueAt ??= now + each.#ms;
      if (each.#dueAt > allLookedAtBy) each.#move(distant);
      else if (each.#dueAt <= now && !isBehind) late.push(each);
      each = after;
    }
    return late;
  }
}

/**
 * All there are. A timer of its own for each request would cost more than reading its head, and is hardly ever needed.
 * Most are stopped before they are looked at; those of streams, of which there can be many, are looked at once a second.
 */
const soon: Row = { first: null };
const distant: Row = { first: null };
let ticking: NodeJS.Timeout | null = null;
let lookedAt = 0;
let isBehind = false;
/** Whatever is distant is due later. */
let allLookedAtBy = 0;
