import { type Kit, type Outbound, type Reply, fieldNameProblem, fieldValueProblem } from '#sdk';
import { toBytes } from '#sdk/mapping';
import type { RequestChange } from './options.ts';
import { type ChangePairs, compilePairs } from './pairs.ts';

/** Why this cannot be done to a request, by the field that is wrong. */
export function requestProblems({ action, in: place, name, value }: RequestChange): {
  name?: string;
  value?: string;
} {
  const wrongName = place === 'header' ? fieldNameProblem(name, 'request') : textProblem(name);
  const wrongValue = valueProblem(action, place, value);
  return {
    ...(wrongName === undefined ? {} : { name: wrongName }),
    ...(wrongValue === undefined ? {} : { value: wrongValue }),
  };
}

function valueProblem(
  action: RequestChange['action'],
  place: RequestChange['in'],
  value: string | undefined,
): string | undefined {
  if (action === 'remove') return value === undefined ? undefined : 'what is removed needs no value';
  if (value === undefined) return 'a value must be given; it may be empty';
  return place === 'header' ? fieldValueProblem(value) : textProblem(value);
}

function textProblem(text: string): string | undefined {
  return text.isWellFormed() ? undefined : 'half a surrogate pair cannot be encoded';
}

/** Compiles the changes of a request; undefined when there are none. */
export function compileRequest(
  changes: readonly RequestChange[],
): ((outbound: Outbound) => Reply | undefined | Promise<Reply | undefined>) | undefined {
  if (changes.length === 0) return undefined;
  const headers = changes.filter((change) => change.in === 'header').map(compileHeader);
  const query = pairsOf(changes, 'query');
  const form = pairsOf(changes, 'form');
  return (outbound) => {
    for (const change of headers) change(outbound);
    if (query !== undefined) outbound.rawQuery = query(outbound.rawQuery);
    return form === undefined ? undefined : changeForm(outbound, form);
  };
}

function compileHeader({ action, name, value = '' }: RequestChange): (outbound: Outbound) => void {
  const text = toBytes(value);
  switch (action) {
    case 'add':
      return ({ headers }) => headers.append(name, text);
    case 'default':
      return ({ headers }) => {
        if (!headers.has(name)) headers.append(name, text);
      };
    case 'remove':
      return ({ headers }) => headers.delete(name);
    case 'set':
    default:
      return ({ headers }) => headers.set(name, text);
  }
}

function pairsOf(changes: readonly RequestChange[], place: 'query' | 'form'): ChangePairs | undefined {
  const compiled = changes
    .filter((change) => change.in === place)
    .map(({ action, name, value = '' }) => compilePairs(action, name, value));
  if (compiled.length === 0) return undefined;
  return (raw) => compiled.reduce((text, change) => change(text), raw);
}

const formType = 'application/x-www-form-urlencoded';
/** Methods whose requests have content by their nature: one without any gets a form where a field is added to it. */
const withContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** What was said of the content, and does not hold for another one. */
const digests: ReadonlySet<string> = new Set(['content-digest', 'content-md5', 'digest', 'repr-digest']);

/** Undefined, without waiting, where there is no form. Rejects as `readBody` does, with a refusal. */
function changeForm(outbound: Outbound, change: ChangePairs): undefined | Promise<undefined> {
  const { headers } = outbound;
  const type = headers.get('content-type');
  if (!outbound.hasBody) {
    if (type === undefined ? withContent.has(outbound.method) : isForm(type))
      replaceForm(outbound, '', change);
    return undefined;
  }
  // A form in another coding is nothing that can be changed in passing.
  if (!isForm(type) || headers.has('content-encoding')) return undefined;
  return outbound.readBody().then((body) => {
    // One character a byte: what is not concerned keeps its bytes.
    replaceForm(outbound, body.toString('latin1'), change);
    return undefined;
  });
}

function replaceForm(outbound: Outbound, before: string, change: ChangePairs): void {
  const after = change(before);
  // Content that does not change keeps its length, and what was said of it.
  if (after === before) return;
  outbound.setBody(Buffer.from(after, 'latin1'));
  outbound.headers.deleteAll(digests);
  if (!outbound.headers.has('content-type')) outbound.headers.append('Content-Type', formType);
}

function isForm(type: string | undefined): boolean {
  return type !== undefined && /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type);
}

/** Reports what is wrong with changes at their places in the list. */
export function reportRequest(changes: readonly RequestChange[], problem: Kit['problem']): void {
  for (const [index, change] of changes.entries()) {
    for (const [field, message] of Object.entries(requestProblems(change)))
      problem(['request', index, field], message);
  }
}
