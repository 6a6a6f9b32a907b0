import { Agent, request } from 'undici';

const maxAnswerBytes = 4 * 1024 * 1024;

/** What Keystone answered. */
export interface KeystoneAnswer {
  readonly status: number;
  readonly subjectToken: string | undefined;
  readonly token: Readonly<Record<string, unknown>> | undefined;
}

/** Sends one request to Keystone. Rejects when no answer comes, or one that is none of Keystone's. */
export type Ask = (
  method: 'GET' | 'POST',
  query: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
) => Promise<KeystoneAnswer>;

/** A place to send requests to. */
export interface KeystoneClient {
  readonly ask: Ask;
  close(): void;
}

/** Undefined when the address is none. */
export function openKeystone(address: string, timeoutMs: number): KeystoneClient | undefined {
  const url = tokensUrl(address);
  if (url === undefined) return undefined;
  const agent = new Agent({
    connections: 16,
    connect: { timeout: timeoutMs },
    maxResponseSize: maxAnswerBytes,
  });
  return {
    ask: (method, query, headers, body) =>
      send(agent, url + query, timeoutMs, { method, headers, body: body ?? null }),
    close() {
      agent.close().catch(() => undefined);
    },
  };
}

/** With or without the version, as operators write it. */
function tokensUrl(address: string): string | undefined {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return undefined;
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  return `${base.endsWith('/v3') ? base : `${base}/v3`}/auth/tokens`;
}

interface Sent {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

async function send(dispatcher: Agent, url: string, timeoutMs: number, sent: Sent): Promise<KeystoneAnswer> {
  const headers = { accept: 'application/json', 'content-type': 'application/json', ...sent.headers };
  const options = { ...sent, dispatcher, headers, signal: AbortSignal.timeout(timeoutMs) };
  const answer = await request(url, options).catch((error: unknown) => {
    if (!isReset(error)) throw error;
    // A connection that was kept open for too long; both requests may be sent twice.
    return request(url, options);
  });
  const { statusCode: status } = answer;
  const text = await answer.body.text();
  if (status >= 500 || status === 429) throw new Error(`Keystone answered ${status}`);
  const given = answer.headers['x-subject-token'];
  const subjectToken = typeof given === 'string' ? given : undefined;
  if (status !== 200 && status !== 201) return { status, subjectToken, token: undefined };
  return { status, subjectToken, token: readToken(text) };
}

function isReset(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

function readToken(text: string): Readonly<Record<string, unknown>> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Said below, without the parser's words: they repeat what was sent.
  }
  const token = typeof answer === 'object' && answer !== null && 'token' in answer ? answer.token : undefined;
  if (typeof token !== 'object' || token === null) throw new Error('the answer describes no token');
  return token as Record<string, unknown>;
}
