import { refusalKinds } from '#sdk';
import { type Answer, forms } from './dialects.ts';
import { type Custom, type GroupResponse, type ResponseType, responseTypes } from './options.ts';
import { type Report, type Template, compileBody, compileHeader } from './template.ts';
import type { Facts } from './variables.ts';

/** One gateway response, compiled: completes an answer in place. */
export type Renderer = (answer: Answer, facts: Omit<Facts, 'refusal'>) => void;

interface Compiled {
  readonly status: number | undefined;
  readonly headers: readonly (readonly [name: string, value: Template])[];
  readonly body: Template | undefined;
}

type ReportAt = (path: readonly string[], message: string, offset?: number) => void;

export function compileResponse(response: GroupResponse, report: ReportAt): Renderer {
  const customs = new Map<string, Compiled>();
  for (const type of responseTypes) {
    const custom = response[type];
    if (custom !== undefined) customs.set(type, compileCustom(type, custom, report));
  }
  const form = forms[response.dialect];
  return (answer, { arrival, exchange }) => {
    const { refusal } = answer;
    if (refusal === undefined) {
      if (response.dialect === 'alibaba') answer.headers.set('X-Ca-Request-Id', arrival.requestId);
      return;
    }
    const facts = { arrival, exchange, refusal };
    // A plugin that gave the refusal a body or a status of its own, such as an error mapping, meant that one.
    if (answer.hasBody) {
      form.header?.(answer, facts);
      return;
    }
    const { type, status } = refusalKinds[refusal.kind];
    const own = refusal.status ?? status;
    const custom = customs.get(type) ?? customs.get(fallbackOf(own));
    if (custom?.status !== undefined && answer.status === own) answer.status = custom.status;
    form.header?.(answer, facts);
    if (custom?.body === undefined) {
      form.body?.(answer, facts);
    } else {
      answer.headers.set('Content-Type', 'application/json');
      answer.setBody(custom.body(facts));
    }
    for (const [name, value] of custom?.headers ?? []) answer.headers.set(name, value(facts));
  };
}

function fallbackOf(status: number): ResponseType {
  return status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX';
}

function compileCustom(
  type: ResponseType,
  { status, headers = {}, body }: Custom,
  report: ReportAt,
): Compiled {
  const at =
    (...path: string[]): Report =>
    (message, offset) =>
      report([type, ...path], message, offset);
  const seen = new Set<string>();
  const compiled = Object.entries(headers).map(([name, value]) => {
    const wrong = headerProblem(name, seen);
    if (wrong !== undefined) report([type, 'headers', name], `found the header "${name}"; ${wrong}`);
    seen.add(name.toLowerCase());
    return [name, compileHeader(value, at('headers', name))] as const;
  });
  return { status, headers: compiled, body: body === undefined ? undefined : compileBody(body, at('body')) };
}

/** Headers that the gateway writes itself: those of the connection, of the framing, and the ones callers rely on. */
const reserved: ReadonlySet<string> = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'date',
  'keep-alive',
  'proxy-connection',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

function headerProblem(name: string, seen: ReadonlySet<string>): string | undefined {
  if (name.length > 128) return 'a name has at most 128 characters';
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return 'this is no header name';
  if (reserved.has(name.toLowerCase())) return 'the gateway writes it itself';
  return seen.has(name.toLowerCase()) ? 'it stands here already, in other letter case' : undefined;
}
