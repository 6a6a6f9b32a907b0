import { type Inbound, refusalKinds } from '#sdk';

/** Longest text put in a header field, well below what clients take. */
const maxLength = 1200;

const ownWords = 'Incorrect app authentication information: ';

/** What Alibaba's clients read of an answer, whatever form its body has (reference: error codes, doc 43906). */
export function answerAlibaba({ exchange, headers, refusal }: Inbound): void {
  headers.set('X-Ca-Request-Id', exchange.requestId);
  if (refusal === undefined) return;
  const facts = refusalKinds[refusal.kind];
  headers.set('X-Ca-Error-Code', facts.alibabaCode);
  headers.set('X-Ca-Error-Message', fieldText(refusal.message ?? facts.message));
}

/** Alibaba's own words, as bytes that a field may hold: a string to sign has whatever the caller put in a form. */
function fieldText(message: string): string {
  const words = message.startsWith(ownWords) ? message.slice(ownWords.length) : message;
  const clean = words
    .slice(0, maxLength)
    .toWellFormed()
    .replace(/[\x00-\x1f\x7f]/g, '?');
  return Buffer.from(clean, 'utf8').toString('latin1');
}
