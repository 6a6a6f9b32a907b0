/** The provider cannot be reached, or answers nothing of use: nobody's fault who calls. The message is for the log. */
export class ProviderTrouble extends Error {}

/** What the provider says no to, or what it says that must not be believed. The message is for the log. */
export class Refused extends Error {}

/** The trouble behind an error: libraries wrap what a fetch threw. */
export function troubleIn(error: unknown): ProviderTrouble | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth += 1)
    if (each instanceof ProviderTrouble) return each;
  return undefined;
}

/** A word for the log: never a token, never what a provider wrote at length. */
export function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed';
  const { code, error: word } = error as { code?: unknown; error?: unknown };
  const told = [error.message, code, word].filter((each) => typeof each === 'string');
  return told
    .join(', ')
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .slice(0, 200);
}
