import { type Fields, type Inbound, type Kit, cacheStatus, fieldNameProblem, fieldValueProblem } from '#sdk';
import { toBytes } from '#sdk/mapping';
import type { Config, ResponseChange } from './options.ts';

/** Why this cannot be done to an answer, by the field that is wrong. */
export function responseProblems({ action, name, value, from }: ResponseChange): {
  name?: string;
  value?: string;
} {
  const wrongName = fieldNameProblem(name, 'answer');
  const wrongValue = valueProblem(action, value, from);
  return {
    ...(wrongName === undefined ? {} : { name: wrongName }),
    ...(wrongValue === undefined ? {} : { value: wrongValue }),
  };
}

function valueProblem(
  action: ResponseChange['action'],
  value: string | undefined,
  from: ResponseChange['from'],
): string | undefined {
  if (action === 'remove')
    return value === undefined && from === undefined ? undefined : 'what is removed needs no value';
  if (value === undefined) return from === undefined ? 'a value must be given; it may be empty' : undefined;
  if (from !== undefined) return 'allowed: "value" or "from", not both';
  return fieldValueProblem(value);
}

/** Compiles the changes of an answer; undefined when there are none. */
export function compileResponse({ response, status }: Config): ((inbound: Inbound) => undefined) | undefined {
  if (response.length === 0 && status === undefined) return undefined;
  const changes = response.map(compileChange);
  return (inbound) => {
    // Not of a connection that becomes a WebSocket, which another status would end; nor of a refusal, which it would hide.
    if (status !== undefined && inbound.refusal === undefined && inbound.status !== 101)
      inbound.status = status;
    for (const change of changes) change(inbound);
  };
}

type Change = (inbound: Inbound) => void;

function compileChange({ action, name, value, from }: ResponseChange): Change {
  if (action === 'remove') return ({ headers }) => headers.delete(name);
  const put = putter(action, name);
  if (from === 'cacheStatus') {
    return ({ headers, exchange }) => {
      const known = exchange.notes.get(cacheStatus);
      if (known !== undefined) put(headers, known);
    };
  }
  const text = toBytes(value ?? '');
  return ({ headers }) => put(headers, text);
}

function putter(
  action: Exclude<ResponseChange['action'], 'remove'>,
  name: string,
): (headers: Fields, value: string) => void {
  switch (action) {
    case 'add':
      return (headers, value) => headers.append(name, value);
    case 'default':
      return (headers, value) => {
        if (!headers.has(name)) headers.append(name, value);
      };
    case 'join':
      // Cookies hold commas: two in one line cannot be told apart (RFC 9110 section 5.3).
      if (name.toLowerCase() === 'set-cookie') return (headers, value) => headers.append(name, value);
      return (headers, value) => {
        const before = headers.combined(name);
        headers.set(name, before === undefined || before === '' ? value : `${before},${value}`);
      };
    case 'set':
    default:
      return (headers, value) => headers.set(name, value);
  }
}

/** Reports what is wrong with changes at their places in the list. */
export function reportResponse(changes: readonly ResponseChange[], problem: Kit['problem']): void {
  for (const [index, change] of changes.entries()) {
    for (const [field, message] of Object.entries(responseProblems(change)))
      problem(['response', index, field], message);
  }
}
