import { Agent, request } from 'undici';
import { type KeySet, maxSetBytes, readAnswer } from './key-set.ts';

/** Where keys are fetched. */
export interface KeyService {
  readonly url: string;
  readonly timeoutMs: number;
  /** The `Host` to send instead of the address's own. */
  readonly host: string | undefined;
}

/** Fetches the keys once. Rejects when no usable answer comes; the message is for the log. */
export type FetchKeys = (service: KeyService) => Promise<KeySet>;

/** Redirects are not followed: where keys come from is the operator's to say. */
export const fetchKeys: FetchKeys = async ({ url, timeoutMs, host }) => {
  // One of its own: a connection every few minutes is not worth keeping.
  const dispatcher = new Agent({
    connect: { timeout: timeoutMs },
    maxResponseSize: maxSetBytes,
    pipelining: 0,
  });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: 'application/json', ...(host !== undefined && { host }) },
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the answer has the status ${statusCode}`);
    const keys = readAnswer(text);
    if (typeof keys === 'string') throw new Error(keys);
    return keys;
  } finally {
    dispatcher.destroy().catch(() => undefined);
  }
};
