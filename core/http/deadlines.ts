/** How often is looked what is late; things happen by this much and the same again later than they are due. */
const stepMs = 20;

/** Something that is to happen unless it is stopped before. */
export abstract class Deadline {
  #dueAt = 0;
  #before: Deadline | null = null;
  #after: Deadline | null = null;
  #isSet = false;

  /** What happens. */
  abstract late(): void;

  /** Sets it, or sets it anew. */
  setDeadline(ms: number): void {
    if (!this.#isSet) Deadline.#join(this);
    this.#dueAt = now + stepMs + ms;
  }

  clearDeadline(): void {
    if (!this.#isSet) return;
    this.#isSet = false;
    if (this.#before === null) first = this.#after;
    else this.#before.#after = this.#after;
    if (this.#after !== null) this.#after.#before = this.#before;
    this.#before = null;
    this.#after = null;
  }

  static #join(deadline: Deadline): void {
    deadline.#isSet = true;
    deadline.#after = first;
    if (first !== null) first.#before = deadline;
    first = deadline;
    if (ticking !== null) return;
    now = performance.now();
    ticking = setTimeout(Deadline.#tick, stepMs);
  }

  static #tick(this: void): void {
    now = performance.now();
    for (let each = first; each !== null;) {
      const next: Deadline | null = each.#after;
      if (each.#dueAt <= now) {
        each.clearDeadline();
        each.late();
      }
      each = next;
    }
    if (first === null) ticking = null;
    else ticking?.refresh();
  }
}

/**
 * All there are. A timer of its own for each request would cost more than reading its head, and is hardly ever needed:
 * a list that is looked through now and then costs next to nothing.
 */
let first: Deadline | null = null;
let ticking: NodeJS.Timeout | null = null;
/** As of the last look, on the clock of `performance.now()`. */
let now = 0;
