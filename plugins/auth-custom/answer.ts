import type { AuthorizerContext } from '#sdk/mapping';

/** What a function decided. */
export interface Decision {
  readonly isAllowed: boolean;
  readonly context: AuthorizerContext;
}

/** Why a function's answer is none, in words for the operator that hold nothing of it. */
export interface BadAnswer {
  readonly problem: string;
  /** What it answered instead of 200. */
  readonly statusCode?: number;
}

const nameForm = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

/**
 * Reads an authorizer's answer: `{statusCode: 200, body: '{"status": "allow", "context": {...}}'}`, the body a JSON text.
 * Whatever is not exactly that is no decision.
 */
export function readAnswer(value: unknown, takesScalars: boolean): Decision | BadAnswer {
  if (!isRecord(value)) return { problem: 'its answer is no object' };
  const { statusCode, body } = value;
  if (statusCode !== 200)
    return typeof statusCode === 'number'
      ? { problem: 'its "statusCode" is not 200', statusCode }
      : { problem: '"statusCode" must be a number' };
  if (typeof body !== 'string') return { problem: '"body" must be a text that is JSON' };
  const verdict = parse(body);
  if (!isRecord(verdict)) return { problem: '"body" must be a text that is a JSON object' };
  const { status, context = null } = verdict;
  if (status !== 'allow' && status !== 'deny') return { problem: '"status" must be allow or deny' };
  const read = readContext(context, takesScalars);
  return typeof read === 'string' ? { problem: read } : { isAllowed: status === 'allow', context: read };
}

function readContext(context: unknown, takesScalars: boolean): AuthorizerContext | string {
  // Serializers of other languages write null for what is not there.
  if (context === null) return new Map();
  if (!isRecord(context)) return '"context" must be a mapping';
  const read = new Map<string, string>();
  for (const [name, value] of Object.entries(context)) {
    if (!nameForm.test(name))
      return 'a name in "context" is not up to 32 letters, digits, _ and -, the first of them a letter';
    if (typeof value === 'string') read.set(name, value);
    else if (takesScalars && (typeof value === 'number' || typeof value === 'boolean'))
      read.set(name, String(value));
    else return `a value in "context" is no ${takesScalars ? 'text, number or boolean' : 'text'}`;
  }
  return read;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
