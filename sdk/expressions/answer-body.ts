type Encode = (text: string, offset: number) => string;

const reference = /\$\{[A-Za-z_]\w*\}/g;
const jsonType = /^[\w.-]+\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const markupType = /^[\w.-]+\/(?:html|(?:[\w.+-]+\+)?xml)\s*(?:;|$)/i;
const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** The type of a body that nobody named. */
export function bodyType(body: string): string {
  try {
    // What stands for a value is valid both in a text and outside of one.
    JSON.parse(body.replaceAll(reference, '0'));
    return 'application/json';
  } catch {
    return 'text/plain; charset=utf-8';
  }
}

/** How values are put in a body of the type, so that whoever chose a value cannot write anything but a value. */
export function encoderFor(type: string, body: string): Encode {
  if (markupType.test(type)) return encodeMarkup;
  if (!jsonType.test(type)) return (text) => text;
  const texts = textRanges(body);
  return (text, offset) =>
    texts.some(({ from, to }) => from < offset && offset < to)
      ? JSON.stringify(text.toWellFormed()).slice(1, -1)
      : jsonValue(text);
}

function jsonValue(text: string): string {
  if (text === '') return 'null';
  if (jsonNumber.test(text) || text === 'true' || text === 'false') return text;
  return JSON.stringify(text.toWellFormed());
}

/** Where the texts of a JSON document begin and end. */
function textRanges(body: string): readonly { readonly from: number; readonly to: number }[] {
  return Array.from(body.matchAll(/"(?:[^"\\]|\\.)*"/gs), ({ 0: text, index }) => ({
    from: index,
    to: index + text.length,
  }));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function encodeMarkup(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
