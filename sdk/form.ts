import type { Fields } from './fields.ts';
import { Params } from './params.ts';
import { refuse } from './reply.ts';

const urlencoded = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/**
 * The pairs of a form; empty for other content. Rejects as `readBody` does, and with a `Reply` (415) where the form is in
 * a coding, or has one of several types: what nobody could look at here a backend might read all the same.
 */
export async function readForm(headers: Fields, readBody: () => Promise<Buffer>): Promise<Params> {
  const types = headers.getAll('content-type');
  if (!types.some((type) => urlencoded.test(type))) return Params.empty;
  const coding = headers.combined('content-encoding') ?? 'identity';
  // oxlint-disable-next-line typescript/only-throw-error -- a refusal is a value here
  if (types.length > 1 || coding.toLowerCase() !== 'identity') throw refuse('media-type-not-supported');
  return Params.parse((await readBody()).toString('utf8'));
}
