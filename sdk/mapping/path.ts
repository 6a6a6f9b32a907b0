import { describeAllowed } from '../allowed.ts';
import type { Exchange } from '../exchange.ts';
import { type Reply, refuse } from '../reply.ts';
import { encodePathValue, hasDotSegment } from './bytes.ts';
import { requestPathNames } from './declared.ts';
import { type Source, SourceRequest } from './sources.ts';

/** A piece of a backend path: text as it stands, or the value of one parameter, encoded. */
type Piece = string | { readonly name: string; read(request: SourceRequest): string };

/** Makes the backend's path of a request. */
export type PathMaker = (request: SourceRequest) => string | Reply;

/**
 * Compiles a backend path with `{name}`: mapped parameters first, then those of the request path, which are put in
 * as they were sent.
 */
export function compilePath(
  template: string,
  requestPath: string,
  mapped: ReadonlyMap<string, Source>,
  problem: (message: string, offset?: number) => void,
): PathMaker {
  const own = requestPathNames(requestPath);
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of template.matchAll(/\{([^{}]+?)\+?\}/g)) {
    const [text, name = ''] = match;
    pieces.push(literal(template.slice(end, match.index), end, problem));
    end = match.index + text.length;
    const lower = name.toLowerCase();
    const source = mapped.get(lower);
    const ownName = own.get(lower);
    if (source !== undefined) pieces.push({ name, read: reader(source) });
    else if (ownName !== undefined) pieces.push({ name, read: ({ exchange }) => asSent(exchange, ownName) });
    else {
      const known = [...mapped.keys(), ...own.values()];
      const hint = known.length === 0 ? '' : `; ${describeAllowed(known, name)}`;
      problem(`{${name}} is no parameter of the request path ${requestPath}${hint}`);
    }
  }
  pieces.push(literal(template.slice(end), end, problem));
  const [only] = pieces;
  if (pieces.length === 1 && typeof only === 'string') return () => only;
  return (request) => fill(pieces, request);
}

function literal(text: string, offset: number, problem: (message: string, offset?: number) => void): string {
  const wrong = /[?#{}\x00-\x20\x7f]/.exec(text);
  if (wrong !== null) {
    const reason =
      'a path holds no ?, #, blank, control character or lone brace; query parameters go to `parameters`';
    problem(`found ${JSON.stringify(wrong[0])}; ${reason}`, offset + wrong.index);
  }
  return text.replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

function reader(source: Source): (request: SourceRequest) => string {
  const { pathName } = source;
  if (pathName !== undefined) return ({ exchange }) => asSent(exchange, pathName);
  return (request) => encodePathValue(source.read(request)[0] ?? '');
}

function asSent(exchange: Exchange, name: string): string {
  return exchange.pathValues.get(name) ?? '';
}

function fill(pieces: readonly Piece[], request: SourceRequest): string | Reply {
  let path = '';
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      path += piece;
      continue;
    }
    const value = piece.read(request);
    // Two slashes with nothing between them are another path than the operator wrote.
    if (value === '') return bad(`the backend path needs a value for {${piece.name}}`);
    path += value;
  }
  return hasDotSegment(path) ? bad('the backend path must not get . or .. segments') : path;
}

function bad(what: string): Reply {
  return refuse('bad-parameters', { message: `API request error: ${what}.` });
}
