import type { Fields } from './fields.ts';
import type { Params } from './params.ts';
import type { Refusal } from './refusals.ts';
import type { Reply } from './reply.ts';

/** A named set of APIs that share domains. */
export interface Group {
  readonly name: string;
  /** Every host name the group answers to: own, internal and debug. Lower case; `*.x` and `*` are wildcards. */
  readonly hosts: readonly string[];
  /** The group's whole definition, checked, with defaults; each plugin reads its own fields. */
  readonly definition: Readonly<Record<string, unknown>>;
}

/** What an API says it is called by. */
export interface ApiRequest {
  /** Upper case, or `ANY`. */
  readonly method: string;
  /** As configured: `{p}` stands for one segment, `{p+}` for the remaining ones. */
  readonly path: string;
  readonly match: 'exact' | 'prefix';
}

/** An API as configured. */
export interface Api {
  /** `group/name`. */
  readonly name: string;
  readonly group: Group;
  readonly request: ApiRequest;
  /** The API's whole definition, checked, with defaults; each plugin reads its own fields. */
  readonly definition: Readonly<Record<string, unknown>>;
}

/** An API in one of the environments it is published in. What `routing` chooses. */
export interface Published {
  readonly api: Api;
  readonly environment: string;
}

/** What `routing` answers. */
export interface Route {
  readonly target: Published;
  /** Values of `{p}` and `{p+}` by name, as sent: not percent-decoded (see `decodePath`). */
  readonly pathValues: ReadonlyMap<string, string>;
  /** For a prefix match: what follows the prefix, as sent. */
  readonly rest?: string;
}

/** Who calls. Set by an authenticator. */
export interface Identity {
  /** `app`, `user`, `anonymous`, or an authenticator's own word. */
  readonly type: string;
  /** Unique within the type. Goes to logs and limits; never a secret. */
  readonly id: string;
  /** Set where nobody can tell callers apart: others come with the same id. */
  readonly isShared?: true;
  readonly app?: { readonly id: string; readonly name: string; readonly key: string };
  /** The user who calls, or who owns the app that calls. `account` names the tenant the user belongs to. */
  readonly user?: { readonly id: string; readonly name: string; readonly account: string };
  /** Claims of a verified token. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** A request as it came in, before anything is known of it. */
export interface Arrival {
  readonly requestId: string;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host name in lower case, without the port; empty when the request has none. */
  readonly host: string;
  /** The port it came in at. */
  readonly port: number;
  /** As sent: never decoded, never normalised. Starts with `/`, or is `*`. */
  readonly path: string;
  /** What follows the `?`, as sent; empty when there is none. */
  readonly rawQuery: string;
  readonly headers: Fields;
  /** Address of the peer. `127.0.0.1` when the gateway called itself. */
  readonly clientAddress: string;
  readonly httpVersion: string;
}

/** Names what a plugin keeps with a request from one of its hooks to a later one; the type is that of the value. */
export interface NoteKey<T> {
  readonly name: string;
  /** Only for inference; never set. */
  readonly type?: T;
}

/** Declares a note. Each declaration is a key of its own, whatever its name. */
export function defineNote<T>(name: string): NoteKey<T> {
  return { name };
}

/**
 * Set once what a `backendField` put before the chosen backend let a request pass: the answer is for whoever passes there,
 * and for others only if it says so. A backend with an `authorize` of its own that tells callers apart sets it, too.
 */
export const backendAuthorized: NoteKey<true> = defineNote<true>('backend-authorized');

/** What plugins keep with one request. */
export interface Notes {
  get<T>(key: NoteKey<T>): T | undefined;
  set<T>(key: NoteKey<T>, value: T): void;
}

/** One request on its way through the hooks. */
export interface Exchange extends Arrival {
  readonly api: Api;
  readonly environment: string;
  readonly pathValues: ReadonlyMap<string, string>;
  readonly pathRest: string;
  /** Who calls; null until an authenticator sets it. */
  identity: Identity | null;
  /** Empty until a plugin keeps something here; many times cheaper than a WeakMap of exchanges. */
  readonly notes: Notes;
  /** Milliseconds of the gateway's clock when the request came in. */
  readonly receivedAt: number;
  /** Parsed when first asked for. */
  readonly query: Params;
  /** Parsed when first asked for. */
  readonly cookies: ReadonlyMap<string, string>;
  /** Whether the request announced content. */
  readonly hasBody: boolean;
  /** Whether the caller is gone; nothing that is answered reaches it. */
  readonly isAborted: boolean;
  /** Runs once when the caller goes away before it is answered. */
  onAbort(listener: () => void): void;
  /**
   * Runs once with what this request came to before `response`: the backend's answer, or a refusal. In a call of
   * `callBackend` that is what the backend said to it. Not when the caller goes away first.
   */
  onReply(listener: (settled: Settled) => void): void;
  /**
   * Reads the whole body, at most as large as the API allows, and keeps it forwardable.
   * Rejects with a `Reply` (413, 408 or 400) when it is larger, late or cut; return that, or let it reject.
   * @param maxBytes a narrower limit than the API's, for what only works on a body of that size
   */
  readBody(maxBytes?: number): Promise<Buffer>;
  /**
   * The pairs of an `application/x-www-form-urlencoded` body; empty for other content. Reads the body; rejects as that
   * does, and with a `Reply` (415) where the form is in a coding or one of several types: a backend might read it.
   */
  readForm(): Promise<Params>;
  /**
   * Asks the backend now, as if the hooks up to `auth` were done: `backendRouting`, the backend, `backendSigning`; not
   * `response`. For what answers in the backend's place and needs it for that, such as a cache. A failure is a refusal.
   */
  callBackend(call?: BackendCall): Promise<Reply>;
}

/** What a request came to. */
export interface Settled {
  /** Not to be changed: others are going to. */
  readonly reply: Reply;
  /** `gateway` for every refusal, those included that say that the backend failed. */
  readonly source: 'backend' | 'gateway';
  /** Milliseconds until the head of the backend's answer, or until it failed; undefined when none was called, or a mock. */
  readonly backendMs: number | undefined;
}

/** How `callBackend` differs from what would happen without it. */
export interface BackendCall {
  /** Instead of the request's own fields. */
  readonly headers?: Fields;
  /**
   * Goes on when the caller goes away, without the request's content; then the answer's content must be read or
   * cancelled by whoever asked. Nothing of it counts as this request's backend time.
   */
  readonly isDetached?: boolean;
}

/** The request as the backend will get it. */
export interface Outbound {
  readonly exchange: Exchange;
  method: string;
  /** `http://host:port` of the backend; empty for a backend that is not called over HTTP. */
  origin: string;
  path: string;
  rawQuery: string;
  /** What goes on the wire beside `Host` and the framing, which the client adds. */
  readonly headers: Fields;
  /** The `Host` to send; the origin's own when undefined. */
  host: string | undefined;
  /**
   * What the backend is asked to switch the connection to: the caller asked for it, and this is still a GET without
   * content. A backend that agrees answers 101; `Upgrade` and `Connection` are the client's to write.
   */
  readonly upgrade: 'websocket' | undefined;
  readonly hasBody: boolean;
  /** Bytes of the body that will be sent; undefined when there is none, or its sender did not say. */
  readonly bodyLength: number | undefined;
  /** Whether it can be sent again: its content is here, or it has none. May become so while it is sent. */
  readonly isReplayable: boolean;
  /** As `exchange.readBody`, for the body that will be sent. */
  readBody(): Promise<Buffer>;
  setBody(body: Uint8Array | null): void;
}

/** Does the work of an API. */
export interface Backend {
  /**
   * Comes first, when this backend was chosen: what `prepare` needs and cannot wait for. Undefined goes on, a Reply ends the
   * request. Whoever wraps a backend passes it on: it may be what lets the gateway call it at all.
   */
  authorize?(exchange: Exchange): Reply | undefined | Promise<Reply | undefined>;
  /** Completes the outbound request (address, path, fields) before `backendSigning` sees it. May refuse. */
  prepare?(outbound: Outbound): Reply | undefined;
  /** The answer is written in the configuration, so there is no time of the backend's to tell. */
  readonly isMock?: boolean;
  /** Answers. Throws only for a defect; an unreachable server is a refusal. */
  invoke(outbound: Outbound): Reply | Promise<Reply>;
}

/**
 * The answer on its way to the caller. Change it in place, or return another Reply, which ends the hook.
 *
 * The status 101 says that the connection becomes a WebSocket once this is sent: it has no content, and what is set is
 * not sent. With another status it is an ordinary answer, and the backend's connection is closed. Nothing else can be
 * given the status 101.
 */
export interface Inbound {
  readonly exchange: Exchange;
  status: number;
  readonly headers: Fields;
  /**
   * Set when the gateway refused the request; its body is rendered after this hook unless one is set here. Another may be
   * put in its place, such as one with a message of the operator's; `status` is set apart from it.
   */
  refusal: Refusal | undefined;
  /** Where the answer came from. */
  readonly source: 'backend' | 'gateway';
  /** Whether there is content, an empty one included; a refusal has none until somebody sets it. */
  readonly hasBody: boolean;
  /** Bytes of the content; undefined when it streams and its sender did not say how many there are. */
  readonly bodyLength: number | undefined;
  /** Milliseconds the backend took until its answer's head; undefined when it was not called or is a mock. */
  readonly backendMs: number | undefined;
  /** Milliseconds from receiving the request until the backend's head came, or until now when none did. */
  readonly latencyMs: number;
  /** Reads the whole body (at most `maxBytes`, 12 MiB unless told) and keeps it sendable. */
  readBody(maxBytes?: number): Promise<Buffer>;
  /**
   * The whole body, as sent, where it has at most `maxBytes`; the answer goes on as it was. Undefined when it has more,
   * which costs nothing where its length is announced, or breaks off. Waits until the body has ended or has more.
   */
  peekBody(maxBytes: number): Promise<Buffer | undefined>;
  setBody(body: string | Uint8Array | null): void;
  /** Passes each chunk through `chunk`, and what `end` returns after the last. The length becomes unknown. */
  transformBody(transform: { chunk(chunk: Uint8Array): Uint8Array; end?(): Uint8Array }): void;
}

/** What happened, told after the last byte. Nothing can be changed any more. */
export interface Completed {
  readonly arrival: Arrival;
  /** Undefined when no API was found. */
  readonly exchange: Exchange | undefined;
  /** The status sent; 499 when the caller went away before one was. */
  readonly status: number;
  /**
   * `answered`: whole. `client-gone`: the caller left first. `cut`: the backend broke off after the head was sent.
   * Of a WebSocket (status 101): both sides ended it; the caller's connection broke; the backend's did, or the gateway
   * ended it because it was idle or to shut down.
   */
  readonly outcome: 'answered' | 'client-gone' | 'cut';
  /** Content bytes received from the caller and sent to it; of a WebSocket, all that followed the handshake. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  /** Time the backend took until its answer's head; undefined when it was not called or is a mock. */
  readonly backendMs: number | undefined;
  readonly refusal: Refusal | undefined;
  /** The plugin whose handler ended the request; undefined when the backend answered. */
  readonly answeredBy: { readonly plugin: string; readonly hook: string } | undefined;
}
