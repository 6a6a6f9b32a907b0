/** An API's request path, read. */
export interface PathPattern {
  readonly segments: readonly Segment[];
  /** No parameters: the path is looked up as a whole. */
  readonly isPlain: boolean;
}

type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'one' | 'rest'; readonly name: string };

/** Reads a path with `{p}` and `{p+}`. @throws Error saying what is wrong with it */
export function readPattern(path: string): PathPattern {
  if (/[?#]/.test(path)) throw new Error('a path ends before ? and #; write %3F and %23 for the characters');
  const names = new Set<string>();
  const texts = path.slice(1).split('/');
  const segments = texts.map((text, index): Segment => {
    if (text === '.' || text === '..') throw new Error('a path must not contain . or .. segments');
    if (!/[{}]/.test(text)) return { kind: 'text', text: normalizePath(encodeText(text)) };
    const [, name, plus] = /^\{([^{}+]+)(\+?)\}$/.exec(text) ?? [];
    if (name === undefined) throw new Error(`"${text}" must be a whole segment: {name} or {name+}`);
    if (names.has(name)) throw new Error(`the parameter {${name}} stands there twice`);
    names.add(name);
    if (plus === '+' && index < texts.length - 1)
      throw new Error(`{${name}+} takes the rest of the path; it must be last`);
    return { kind: plus === '+' ? 'rest' : 'one', name };
  });
  return { segments, isPlain: names.size === 0 };
}

// Callers send such characters percent-encoded; what is encoded already stays.
function encodeText(text: string): string {
  return text.replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

/** RFC 3986 section 6.2.2: escapes of unreserved characters, and the letter case of the others, mean nothing. */
export function normalizePath(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%[0-9a-fA-F]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : escape.toUpperCase();
  });
}

/** What a path leads to. */
export interface Found<T> {
  readonly target: T;
  readonly values: ReadonlyMap<string, string>;
  readonly rest: string;
}

type ByMethod<T> = Map<string, T>;

interface Node<T> {
  readonly texts: Map<string, Node<T>>;
  one: { readonly node: Node<T> } | null;
  /** Targets of paths that end here, with the names of their parameters in order. */
  readonly ends: ByMethod<Named<T>>;
  readonly rests: ByMethod<Named<T>>;
  /** Prefixes that end here, without and with a slash behind. */
  readonly prefixes: ByMethod<Named<T>>;
  readonly slashPrefixes: ByMethod<Named<T>>;
}

interface Named<T> {
  readonly target: T;
  readonly names: readonly string[];
}

const noValues: ReadonlyMap<string, string> = new Map();

function createNode<T>(): Node<T> {
  return {
    texts: new Map(),
    one: null,
    ends: new Map(),
    rests: new Map(),
    prefixes: new Map(),
    slashPrefixes: new Map(),
  };
}

/**
 * The paths of one group in one environment. Exact before prefix, longest prefix first; where both fit, text before
 * `{p}` before `{p+}`. A path without parameters is one look-up, whatever the number of APIs; others cost a step a segment.
 */
export class PathTable<T> {
  readonly #plain = new Map<string, ByMethod<T>>();
  readonly #root = createNode<T>();

  /** @returns the target that has this method, path and kind of match already */
  add(method: string, pattern: PathPattern, isPrefix: boolean, target: T): T | undefined {
    const path = isPrefix ? undefined : plainPath(pattern);
    if (path === undefined)
      return put(this.#methodsOf(pattern, isPrefix), method, { target, names: namesIn(pattern) })?.target;
    const methods = this.#plain.get(path) ?? new Map<string, T>();
    this.#plain.set(path, methods);
    return put(methods, method, target);
  }

  /** Which target has this method, path and kind of match. */
  get(method: string, pattern: PathPattern, isPrefix: boolean): T | undefined {
    const path = isPrefix ? undefined : plainPath(pattern);
    if (path === undefined) return this.#methodsOf(pattern, isPrefix).get(method)?.target;
    return this.#plain.get(path)?.get(method);
  }

  remove(method: string, pattern: PathPattern, isPrefix: boolean): void {
    const path = isPrefix ? undefined : plainPath(pattern);
    if (path === undefined) {
      this.#methodsOf(pattern, isPrefix).delete(method);
      return;
    }
    const methods = this.#plain.get(path);
    methods?.delete(method);
    if (methods?.size === 0) this.#plain.delete(path);
  }

  #methodsOf({ segments }: PathPattern, isPrefix: boolean): ByMethod<Named<T>> {
    const last = segments.at(-1);
    const hasSlash = isPrefix && last?.kind === 'text' && last.text === '';
    let node = this.#root;
    for (const segment of hasSlash ? segments.slice(0, -1) : segments) {
      if (segment.kind === 'rest') break;
      node = step(node, segment);
    }
    if (last?.kind === 'rest') return node.rests;
    if (hasSlash) return node.slashPrefixes;
    return isPrefix ? node.prefixes : node.ends;
  }

  /**
   * Looks the path up in its normal form, so that `/%61dmin` is `/admin` and not what `/{p}` leads to; values and rest
   * are as sent.
   */
  find(method: string, path: string): Found<T> | undefined {
    const normal = normalizePath(path);
    const plain = this.#plain.get(normal);
    const target = plain === undefined ? undefined : byMethod(plain, method);
    if (target !== undefined) return { target, values: noValues, rest: '' };
    const sent = path.slice(1).split('/');
    // No escape of a slash is decoded, so both have the same segments.
    const search = { method, sent, normal: normal === path ? sent : normal.slice(1).split('/') };
    return findExact(this.#root, search, 0, []) ?? findPrefix(this.#root, search, 0, [])?.found;
  }
}

/** Undefined for a path with parameters. */
function plainPath({ isPlain, segments }: PathPattern): string | undefined {
  if (!isPlain) return undefined;
  return `/${segments.map((segment) => (segment.kind === 'text' ? segment.text : '')).join('/')}`;
}

function namesIn({ segments }: PathPattern): string[] {
  return segments.flatMap((segment) => (segment.kind === 'text' ? [] : [segment.name]));
}

function step<T>(node: Node<T>, segment: Segment): Node<T> {
  if (segment.kind === 'text') {
    const next = node.texts.get(segment.text) ?? createNode<T>();
    node.texts.set(segment.text, next);
    return next;
  }
  node.one ??= { node: createNode<T>() };
  return node.one.node;
}

function put<T>(methods: ByMethod<T>, method: string, target: T): T | undefined {
  const there = methods.get(method);
  if (there === undefined) methods.set(method, target);
  return there;
}

function byMethod<T>(methods: ByMethod<T>, method: string): T | undefined {
  return methods.get(method) ?? methods.get('ANY');
}

function found<T>({ target, names }: Named<T>, values: readonly string[], rest: string): Found<T> {
  if (names.length === 0) return { target, values: noValues, rest };
  return { target, values: new Map(names.map((name, index) => [name, values[index] ?? ''])), rest };
}

interface Search {
  readonly method: string;
  readonly normal: readonly string[];
  readonly sent: readonly string[];
}

function findExact<T>(
  node: Node<T>,
  search: Search,
  at: number,
  values: readonly string[],
): Found<T> | undefined {
  const { method, normal, sent } = search;
  const segment = normal[at];
  if (segment === undefined) {
    const end = byMethod(node.ends, method);
    return end === undefined ? undefined : found(end, values, '');
  }
  const next = node.texts.get(segment);
  const byText = next === undefined ? undefined : findExact(next, search, at + 1, values);
  if (byText !== undefined) return byText;
  if (node.one !== null && segment !== '') {
    const byOne = findExact(node.one.node, search, at + 1, [...values, sent[at] ?? '']);
    if (byOne !== undefined) return byOne;
  }
  const rest = byMethod(node.rests, method);
  if (rest === undefined || (segment === '' && at === normal.length - 1)) return undefined;
  return found(rest, [...values, sent.slice(at).join('/')], '');
}

interface Deep<T> {
  readonly depth: number;
  readonly found: Found<T>;
}

function findPrefix<T>(
  node: Node<T>,
  search: Search,
  at: number,
  values: readonly string[],
): Deep<T> | undefined {
  const { method, normal, sent } = search;
  const segment = normal[at];
  let deepest: Deep<T> | undefined;
  if (segment !== undefined) {
    const next = node.texts.get(segment);
    if (next !== undefined) deepest = findPrefix(next, search, at + 1, values);
    if (node.one !== null && segment !== '') {
      const byOne = findPrefix(node.one.node, search, at + 1, [...values, sent[at] ?? '']);
      if (byOne !== undefined && (deepest === undefined || byOne.depth > deepest.depth)) deepest = byOne;
    }
    const slash = byMethod(node.slashPrefixes, method);
    if (deepest === undefined && slash !== undefined) {
      deepest = { depth: at + 0.5, found: found(slash, values, sent.slice(at).join('/')) };
    }
  }
  if (deepest !== undefined) return deepest;
  const bare = byMethod(node.prefixes, method);
  if (bare === undefined) return undefined;
  const rest = sent.slice(at).join('/');
  return { depth: at, found: found(bare, values, segment === undefined ? '' : `/${rest}`) };
}
