import { type Dispatcher, errors } from 'undici';
import { isFieldValue, isToken } from '#sdk';
import { lineStart } from '#sdk/fields';

/** A request as undici's Dispatcher takes it. */
export interface RequestOptions extends Dispatcher.DispatchOptions {
  /** Whether the fields, all but `Host`, are known to be fit to be sent. */
  readonly areFieldsChecked?: boolean;
}

/** The head of a request as it goes on the wire. */
export interface RequestHead {
  /** Where content streams, what says how it is delimited is still to come: `whenEmpty` without a piece of it. */
  readonly text: string;
  readonly whenEmpty: string;
  /** That of content which streams; undefined when it is sent in chunks, or here, or there is none. */
  readonly length: number | undefined;
  /** Whether a field said that the connection is to be closed. */
  readonly wantsClose: boolean;
}

const unfitPath = /[^\x21-\x7e\x80-\xff]/;

/** Methods whose lack of content is told (RFC 9110 section 8.6). */
const expectContent: ReadonlySet<string> = new Set([
  'POST',
  'PUT',
  'PATCH',
  'QUERY',
  'PROPFIND',
  'PROPPATCH',
]);

/** @throws InvalidArgumentError for what would not arrive as it was meant */
export function writeRequestHead(options: RequestOptions): RequestHead {
  const { method, path, body, upgrade, areFieldsChecked = false } = options;
  if (!isToken(method)) throw new errors.InvalidArgumentError('invalid request method');
  if (!path.startsWith('/') || unfitPath.test(path))
    throw new errors.InvalidArgumentError('invalid request path');
  if (typeof upgrade === 'string' && !isToken(upgrade)) throw refused('upgrade');
  const headers = options.headers as readonly string[];
  const found: Found = { host: '', length: undefined, wantsClose: false };
  let lines = '';
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const given: unknown = headers[index + 1] ?? '';
    // Once: what is no text could be another one when it is asked again.
    const value = String(given);
    const start = lineStart(name);
    if (start === undefined) throw new errors.InvalidArgumentError('invalid header name');
    if (!areFieldsChecked && !isFieldValue(value)) throw refused(name);
    if (!isReserved(name, value, found)) lines += start + value;
  }
  if (areFieldsChecked && !isFieldValue(found.host)) throw refused('host');
  const connection =
    typeof upgrade === 'string' ? `Connection: upgrade\r\nUpgrade: ${upgrade}` : 'Connection: keep-alive';
  const start = `${method} ${path} HTTP/1.1\r\nHost: ${found.host}\r\n${connection}${lines}\r\n`;
  const { length, wantsClose } = found;
  const whenEmpty = expectContent.has(method) ? 'Content-Length: 0\r\n\r\n' : '\r\n';
  const head = { whenEmpty, length: undefined, wantsClose };
  if (body === null || body === undefined) return { ...head, text: start + whenEmpty };
  if (body instanceof Uint8Array) return { ...head, text: `${start}Content-Length: ${body.length}\r\n\r\n` };
  return { ...head, text: start, length };
}

interface Found {
  host: string;
  length: number | undefined;
  wantsClose: boolean;
}

/** Takes the fields that are written here, and refuses those that would contradict them. */
function isReserved(name: string, value: string, found: Found): boolean {
  switch (name.length) {
    case 4:
      if (name.toLowerCase() !== 'host') return false;
      found.host ||= value;
      return true;
    case 10:
      if (name.toLowerCase() === 'connection') {
        const lower = value.toLowerCase();
        if (lower !== 'close' && lower !== 'keep-alive') throw refused(name);
        found.wantsClose ||= lower === 'close';
        return true;
      }
      return refuses(name, 'keep-alive');
    case 14:
      if (name.toLowerCase() !== 'content-length') return false;
      if (found.length !== undefined || !/^\d{1,15}$/.test(value)) throw refused(name);
      found.length = Number(value);
      return true;
    case 17:
      return refuses(name, 'transfer-encoding');
    case 7:
      return refuses(name, 'upgrade');
    case 6:
      return refuses(name, 'expect');
    default:
      return false;
  }
}

function refuses(name: string, lower: string): false {
  if (name.toLowerCase() === lower) throw refused(name);
  return false;
}

function refused(name: string): Error {
  return new errors.InvalidArgumentError(`invalid ${name.toLowerCase()} header`);
}
