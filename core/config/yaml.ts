import { Composer } from './compose.ts';
import { syntaxFault } from './parse.ts';
import type { Known } from './known.ts';
import type { Problem } from './problems.ts';
import type { Secrets } from './secrets.ts';
import type { Steps } from './steps.ts';
import { type Node, Source } from './tree.ts';

/** Reads the one document of a file. Undefined if it is not YAML at all; an empty document is null. */
export function* readYaml(
  file: string,
  text: string,
  secrets: Secrets,
  problems: Problem[],
  known?: Known,
): Steps<Node | undefined> {
  const { events, lineStarts, faults } = yield text;
  const source = new Source(file, text, lineStarts, events ?? undefined);
  const report = ({ offset, message }: (typeof faults)[number]): void => {
    problems.push({ at: source.positionOf(offset), path: '', message });
  };
  for (const fault of faults) report(fault);
  if (events === null) return undefined;
  if (events.length === 0) return { source, at: 0, keyAt: 0, content: null, isSecret: false };
  try {
    return yield* new Composer(source, secrets, problems, known).document();
  } catch (error) {
    report(syntaxFault(text, error));
    return undefined;
  }
}
