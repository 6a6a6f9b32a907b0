import { createHash, timingSafeEqual } from 'node:crypto';
import { type Arrival, type Counters, type Log, Reply, type UnroutedRequest, reply } from '#sdk';
import type { Directory, User } from './accounts.ts';
import type { Attempts } from './attempts.ts';
import { errorAnswer, tokenAnswer, unauthorized, versionAnswer } from './keystone-answers.ts';
import { RequestFault, type TokenRequest, findUser, readTokenRequest, scopeFor } from './token-request.ts';
import { type Tokens, type Verified, ask } from './tokens.ts';

const tokensPath = '/v3/auth/tokens';

/** What issuing needs. */
export interface IssuerOptions {
  readonly directory: Directory;
  readonly tokens: Tokens;
  readonly attempts: Attempts;
  readonly counters: Counters;
  readonly log: Log;
  /** Lower-case host names; every host when undefined. */
  readonly hosts: readonly string[] | undefined;
  readonly allowHttp: boolean;
}

/** Wrong passwords for one user in five minutes, from all addresses together: what stops many guessers who each guess little. */
const maxWrong = 100;
const wrongPeriodMs = 5 * 60_000;

/** Each is remembered until the token would have expired. */
const maxRevocations = 1000;
const dayMs = 86_400_000;

/** The part of Keystone's API v3 that gets, shows and revokes tokens. */
export function issuer(
  options: IssuerOptions,
): (request: UnroutedRequest) => Reply | Promise<Reply> | undefined {
  const { hosts } = options;
  const known = hosts === undefined ? undefined : new Set(hosts);
  return (request) => {
    const { path, method } = request;
    if (!path.startsWith('/v3') || known?.has(request.host) === false) return undefined;
    if (path === '/v3' || path === '/v3/')
      return method === 'GET' || method === 'HEAD' ? versionAnswer(request) : notAllowed('GET, HEAD');
    if (path !== tokensPath && path !== `${tokensPath}/`) return undefined;
    if (!options.allowHttp && request.scheme !== 'https' && !isLoopback(request.clientAddress))
      return errorAnswer(403, 'Tokens are available over HTTPS only.');
    switch (method) {
      case 'POST':
        return create(request, options);
      case 'GET':
      case 'HEAD':
        return withSubject(request, options, ({ token, subject }) =>
          tokenAnswer(200, token, subject.user, subject.claims),
        );
      case 'DELETE':
        return withSubject(request, options, ({ subject }) => revoke(subject, options));
      default:
        return notAllowed('GET, HEAD, POST, DELETE');
    }
  };
}

function notAllowed(allow: string): Reply {
  return errorAnswer(405, 'The method is not allowed for the requested URL.', { allow });
}

function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\./.test(address) || address === '::1';
}

async function create(request: UnroutedRequest, options: IssuerOptions): Promise<Reply> {
  let wanted: TokenRequest;
  try {
    wanted = readTokenRequest(await request.readBody());
  } catch (error) {
    if (error instanceof RequestFault) return errorAnswer(400, error.message);
    throw error;
  }
  const { login, scope } = wanted;
  if (login === undefined)
    return errorAnswer(401, 'Attempted to authenticate with an unsupported method; supported: password.');
  const user = findUser(login, options.directory);
  const isProven = await prove(user, login.password, request, options);
  if (isProven instanceof Reply) return isProven;
  if (user === undefined || !isProven) return unauthorized(request);
  const granted = scopeFor(scope, user, options.directory);
  if (granted === 'refused') return unauthorized(request);
  const { token, claims } = options.tokens.issue(user, granted);
  return tokenAnswer(201, token, user, claims);
}

/** Whether it is the user who asks. A lock is not told: it would tell that there is such a user. */
async function prove(
  user: User | undefined,
  password: string,
  { clientAddress, requestId }: Arrival,
  { attempts, counters, log }: IssuerOptions,
): Promise<boolean | Reply> {
  const isRight = isSamePassword(user?.password, password);
  const name = user === undefined ? '' : `${user.account}/${user.name}`;
  // What locks comes before the first wait: of a hundred guesses at once, each is judged after those ahead of it. What is
  // locked is not counted, else one address could use up what all have together.
  const isLocked = user !== undefined && attempts.isLocked(name, clientAddress);
  const isWrong = user !== undefined && !isLocked && !isRight;
  if (isWrong && attempts.failed(name, clientAddress))
    log.warn({ requestId, user: name, clientAddress }, 'too many wrong passwords: locked for five minutes');
  const wrong = { key: `wrong password ${name}`, limit: maxWrong, periodMs: wrongPeriodMs };
  // Next to a limit of nothing, which is always used up, none is counted: this only looks. It does so for nobody too, so
  // that the time does not tell who there is.
  const nothing = { key: 'nothing', limit: 0, periodMs: wrongPeriodMs };
  const taken = await ask(
    () => counters.take(isWrong ? [wrong] : [wrong, nothing]),
    (each) => each,
  );
  if (taken instanceof Reply) return taken;
  if (!isRight || isLocked || taken.refusedBy === 0) return false;
  attempts.succeeded(name, clientAddress);
  return true;
}

function isSamePassword(expected: string | undefined, given: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  // Digests, so that the time does not tell the length either.
  return timingSafeEqual(digest(expected ?? ''), digest(given)) && expected !== undefined;
}

interface Subject {
  readonly token: string;
  readonly subject: Verified;
}

/** Checks who asks (`X-Auth-Token`) and what about (`X-Subject-Token`): users see and revoke their own tokens. */
async function withSubject(
  request: UnroutedRequest,
  { tokens }: IssuerOptions,
  then: (found: Subject) => Reply | Promise<Reply>,
): Promise<Reply> {
  const asking = request.headers.combined('x-auth-token');
  const token = request.headers.combined('x-subject-token');
  if (asking === undefined) return unauthorized(request);
  const caller = await tokens.verify(asking);
  if (caller instanceof Reply) return isAway(caller) ? caller : unauthorized(request);
  if (token === undefined) return errorAnswer(400, 'Expecting to find X-Subject-Token in the header.');
  const subject = await tokens.verify(token);
  const missing = 'Could not find token.';
  if (subject instanceof Reply) return isAway(subject) ? subject : errorAnswer(404, missing);
  if (subject.user !== caller.user)
    return errorAnswer(403, 'You are not authorized to perform the requested action.');
  return then({ token, subject });
}

function isAway({ refusal }: Reply): boolean {
  return refusal?.kind === 'state-unavailable';
}

async function revoke(subject: Verified, { tokens, counters }: IssuerOptions): Promise<Reply> {
  const { account, name } = subject.user;
  const limit = { key: `revocations ${account}/${name}`, limit: maxRevocations, periodMs: dayMs };
  const taken = await ask(
    () => counters.take([limit]),
    (each) => each,
  );
  if (taken instanceof Reply) return taken;
  if (taken.refusedBy >= 0) return errorAnswer(429, 'Too many tokens were revoked today.');
  return (await tokens.revoke(subject)) ?? reply(204);
}
