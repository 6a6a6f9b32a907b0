import { EVENT_ID, parseEvents, YAMLException, type Event } from 'js-yaml';
import { Composer, MAX_DEPTH } from './compose.ts';
import type { Problem } from './problems.ts';
import type { Secrets } from './secrets.ts';
import type { Node, Source } from './tree.ts';

/** Reads the one document of a file. Undefined if it is not YAML at all; an empty document is null. */
export function parseYaml(source: Source, secrets: Secrets, problems: Problem[]): Node | undefined {
  try {
    const events = parseEvents(source.text, { maxDepth: MAX_DEPTH });
    if (events.length === 0) return { source, at: 0, keyAt: 0, content: null, isSecret: false };
    refuseUnsupported(source, events, problems);
    return new Composer(source, events.slice(1), secrets, problems).node(0);
  } catch (error) {
    problems.push(syntaxProblem(source, error));
    return undefined;
  }
}

const HINTS: readonly (readonly [around: RegExp, hint: string])[] = [
  [/^[^]?\$\{/, 'inside { } and [ ] a value with ${…} must be quoted'],
  [/^[^]?[@`%]/, 'a value that starts with @, ` or % must be quoted'],
  [/^[^]?:\s/, 'a value that contains ": " must be quoted; else look at the indentation'],
];

function syntaxProblem(source: Source, error: unknown): Problem {
  const isSyntax = error instanceof YAMLException;
  const offset = isSyntax ? (error.mark?.position ?? 0) : 0;
  const around = source.text.slice(Math.max(0, offset - 1), offset + 3);
  const hint = HINTS.find(([pattern]) => pattern.test(around));
  const message = `not valid YAML: ${isSyntax ? error.reason : String(error)}${hint ? ` (${hint[1]})` : ''}`;
  return { at: source.positionOf(offset), path: '', message };
}

function refuseUnsupported(source: Source, events: readonly Event[], problems: Problem[]): void {
  const documents = events.filter((event) => event.type === EVENT_ID.DOCUMENT);
  if (documents.length > 1) {
    const marks = [...source.text.matchAll(/^(?:---|\.\.\.)(?=\s|$)/gm)];
    const at = source.positionOf(marks[documents[0]?.explicitStart === true ? 1 : 0]?.index ?? 0);
    problems.push({ at, path: '', message: 'a second YAML document begins here; a file holds one' });
  }
  // A redefined `!!` would change what the core tags mean.
  if (documents.some((document) => document.directives.some((directive) => directive.kind === 'tag'))) {
    const at = source.positionOf(source.text.indexOf('%TAG'));
    problems.push({ at, path: '', message: '%TAG directives are not supported' });
  }
}
