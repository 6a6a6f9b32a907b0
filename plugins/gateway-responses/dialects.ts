import { type Inbound, type UnroutedInbound, refusalKinds } from '#sdk';
import { type Facts, errorCode, errorMessage } from './variables.ts';
import type { Dialect } from './options.ts';
import { escapeHeader } from './template.ts';

export type Answer = Inbound | UnroutedInbound;

/** What a dialect adds to every refusal, and the body of one that has none of its own. The status is set already. */
interface Form {
  readonly header?: (answer: Answer, facts: Facts) => void;
  readonly body?: (answer: Answer, facts: Facts) => void;
}

export const forms: Readonly<Record<Dialect, Form>> = {
  // The kernel's own form, which it renders when nobody set a body.
  huawei: {},
  // Alibaba's gateway tells all in the header; its official clients read nothing else.
  alibaba: { header: alibabaHeader, body: (answer) => answer.setBody('') },
  problem: { body: problemBody },
};

function alibabaHeader({ headers }: Answer, facts: Facts): void {
  headers.set('X-Ca-Error-Code', refusalKinds[facts.refusal.kind].alibabaCode);
  headers.set('X-Ca-Error-Message', escapeHeader(errorMessage(facts)));
  headers.set('X-Ca-Request-Id', facts.arrival.requestId);
}

/** RFC 9457. */
function problemBody(answer: Answer, facts: Facts): void {
  answer.headers.set('Content-Type', 'application/problem+json');
  answer.setBody(
    JSON.stringify({
      type: `urn:tapgate:refusal:${facts.refusal.kind}`,
      title: refusalKinds[facts.refusal.kind].message,
      status: answer.status,
      detail: errorMessage(facts),
      instance: instanceOf(facts.arrival.requestId),
      code: errorCode(facts),
    }),
  );
}

function instanceOf(requestId: string): string {
  const [, a, b, c, d, e] = /^(\w{8})-?(\w{4})-?(\w{4})-?(\w{4})-?(\w{12})$/.exec(requestId) ?? [];
  return a === undefined
    ? `urn:tapgate:request:${encodeURIComponent(requestId)}`
    : `urn:uuid:${a}-${b}-${c}-${d}-${e}`;
}
