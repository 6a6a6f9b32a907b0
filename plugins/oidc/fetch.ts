import { Agent, fetch } from 'undici';

/** What the libraries for the protocol ask for; redirects are never followed. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Headers | Readonly<Record<string, string>>;
    readonly body?: RequestInit['body'] | undefined;
    readonly redirect: 'manual';
    readonly signal?: AbortSignal | undefined;
  },
) => Promise<Response>;

/** More than any document of a provider needs. */
const maxAnswerBytes = 1024 * 1024;

/** A way to providers. */
export interface Connection {
  readonly fetch: Fetch;
  readonly close: () => void;
}

/** Calls providers over the network, with connections of its own. */
export function network(): Connection {
  const dispatcher = new Agent({ maxResponseSize: maxAnswerBytes, keepAliveTimeout: 4000 });
  return {
    // The package's own types are those of its version; what goes in and comes out is the same.
    fetch: (url, init) => fetch(url, { ...init, dispatcher } as never),
    close: () => void dispatcher.destroy().catch(() => undefined),
  };
}
