import { EVENT_ID, parseEvents, YAMLException, type Event } from 'js-yaml';
import { packEvents } from './events.ts';

export const MAX_DEPTH = 100;

interface Fault {
  readonly offset: number;
  readonly message: string;
}

/** What a file says, as far as that depends on nothing but its text; made of what one thread can hand to another. */
export interface Parsed {
  /** Of all documents; null for what is not YAML at all. */
  readonly events: Int32Array<ArrayBuffer> | null;
  readonly lineStarts: Int32Array<ArrayBuffer>;
  readonly faults: readonly Fault[];
}

/** Reads a text as YAML. Never throws: see `faults`. */
export function parseText(text: string): Parsed {
  const lineStarts = lineStartsOf(text);
  try {
    const events = parseEvents(text, { maxDepth: MAX_DEPTH });
    return { events: packEvents(events), lineStarts, faults: unsupported(text, events) };
  } catch (error) {
    return { events: null, lineStarts, faults: [syntaxFault(text, error)] };
  }
}

const HINTS: readonly (readonly [around: RegExp, hint: string])[] = [
  [/^[^]?\$\{/, 'inside { } and [ ] a value with ${…} must be quoted'],
  [/^[^]?[@`%]/, 'a value that starts with @, ` or % must be quoted'],
  [/^[^]?:\s/, 'a value that contains ": " must be quoted; else look at the indentation'],
];

/** What is wrong with a text that could not be read. */
export function syntaxFault(text: string, error: unknown): Fault {
  const isSyntax = error instanceof YAMLException;
  const offset = isSyntax ? (error.mark?.position ?? 0) : 0;
  const around = text.slice(Math.max(0, offset - 1), offset + 3);
  const hint = HINTS.find(([pattern]) => pattern.test(around));
  const message = `not valid YAML: ${isSyntax ? error.reason : String(error)}${hint ? ` (${hint[1]})` : ''}`;
  return { offset, message };
}

function unsupported(text: string, events: readonly Event[]): Fault[] {
  const faults: Fault[] = [];
  const documents = events.filter((event) => event.type === EVENT_ID.DOCUMENT);
  if (documents.length > 1) {
    const marks = [...text.matchAll(/^(?:---|\.\.\.)(?=\s|$)/gm)];
    const offset = marks[documents[0]?.explicitStart === true ? 1 : 0]?.index ?? 0;
    faults.push({ offset, message: 'a second YAML document begins here; a file holds one' });
  }
  // A redefined `!!` would change what the core tags mean.
  if (documents.some((document) => document.directives.some((directive) => directive.kind === 'tag')))
    faults.push({ offset: text.indexOf('%TAG'), message: '%TAG directives are not supported' });
  return faults;
}

/** Where each line begins. */
export function lineStartsOf(text: string): Int32Array<ArrayBuffer> {
  const starts = [0];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 10 || (code === 13 && text.charCodeAt(at + 1) !== 10)) starts.push(at + 1);
  }
  return Int32Array.from(starts);
}
