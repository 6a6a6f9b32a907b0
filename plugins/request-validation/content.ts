import { Params, hasTwinMembers } from '#sdk';
import type { Format } from './media-type.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** What the content says; `wrong` when it is nothing of the kind. */
export type Read = { readonly value: unknown; readonly wrong?: never } | { readonly wrong: string };

/** Reads content. Never throws. */
export function readContent(format: Format, bytes: Buffer): Read {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { wrong: 'is not UTF-8' };
  }
  if (format === 'form') return { value: formValue(Params.parse(text)) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Without the parser's words, which repeat what was sent.
    return { wrong: 'is not JSON' };
  }
  return hasTwinMembers(text) ? { wrong: 'has an object with a member twice' } : { value };
}

/** Each name with its text, or the list of them where it comes several times. */
function formValue(params: Params): unknown {
  const value: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const [name, text] of params) {
    const before = value[name];
    if (before === undefined) value[name] = text;
    else if (Array.isArray(before)) before.push(text);
    else value[name] = [before, text];
  }
  return value;
}
