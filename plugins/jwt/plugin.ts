import {
  DataSets,
  type DataSet,
  type Exchange,
  type Hooks,
  type Identity,
  type Kit,
  type Reply,
  definePlugin,
  describeAllowed,
} from '#sdk';
import { declaredParameters } from '#sdk/mapping';
import { jwtAuth as alibaba } from './alibaba.ts';
import { fault, invalid, missing, unavailable } from './fault.ts';
import { jwtAuth as huawei } from './huawei.ts';
import { allAlgorithms } from './keys.ts';
import { Config } from './options.ts';
import { compileOutbound, tokenNote } from './outbound.ts';
import { compilePolicy } from './policy.ts';
import { readKeys } from './read-keys.ts';
import { claimToken } from './replay.ts';
import { type Found, type TokenPlace, tokenSource, unreadable } from './token-source.ts';
import type { Unaccepted, Verified, Verifier } from './verifier.ts';
import { Own, Verifiers } from './verifiers.ts';

type Ending = Reply | undefined | Promise<Reply | undefined>;

export default definePlugin({
  name: 'jwt',
  summary:
    'Lets in who brings a JSON Web Token that one of the configured keys signed, and hands its claims to the backend.',
  config: Config,
  dialects: { 'alibaba/jwtAuth': alibaba, 'huawei/jwt_auth': huawei },
  offers: [Own],
  setup(_section, kit) {
    const verifiers = new Verifiers(kit);
    return {
      services: [{ token: Own, service: verifiers }],
      activate: () => verifiers.start(),
      dispose: () => verifiers.release(),
    };
  },
  bind(config: Config, kit): Hooks {
    const verifier = verifierOf(config, kit);
    // A configuration with problems is never served.
    if (verifier === undefined) return { auth: { stage: 'authenticate', handle: unavailable } };
    const place = placeOf(config, kit);
    const { forwardToken, claims, payloadHeader } = config;
    const backendSigning = compileOutbound({ place, forwardToken, claims, payloadHeader });
    return {
      auth: { stage: 'authenticate', handle: authenticator(config, kit, verifier, place) },
      ...(backendSigning !== undefined && { backendSigning: { stage: 'change', handle: backendSigning } }),
      describe: () => [
        `needs a token in ${place.in} ${place.name}${config.allowMissingToken ? ', if any' : ''}`,
      ],
    };
  },
});

function authenticator(
  config: Config,
  kit: Kit,
  verifier: Verifier,
  place: TokenPlace,
): (exchange: Exchange) => Ending {
  const { clock, values } = kit;
  const { allowMissingToken, preventReplay, toleranceSeconds } = config;
  const isHanded = config.claims.length > 0 || config.payloadHeader !== undefined;
  const read = tokenSource(place);
  const objectionTo = compilePolicy(config, blockedBy(config, kit));
  const judge = (exchange: Exchange, token: string, verdict: Verified | Unaccepted): Ending => {
    if ('cause' in verdict) return verdict.isUnavailable === true ? unavailable() : invalid(verdict.cause);
    const now = clock.now();
    const objection = objectionTo(verdict, now);
    if (objection !== undefined)
      return fault(objection.message, objection.cause === undefined ? {} : { cause: objection.cause });
    const accept = (reply: Reply | undefined): Reply | undefined => {
      if (reply !== undefined) return reply;
      exchange.identity = identityAfter(exchange.identity, verdict.identity);
      if (isHanded) exchange.notes.set(tokenNote, { token, verified: verdict });
      return undefined;
    };
    if (!preventReplay) return accept(undefined);
    // Last: what is refused for another reason may be sent again.
    const claimed = claimToken(values, verdict, now, toleranceSeconds);
    return claimed instanceof Promise ? claimed.then(accept) : accept(claimed);
  };
  const handle = (exchange: Exchange, found: Found): Ending => {
    if (found === unreadable) return invalid('there is more than one token, or one without its prefix');
    if (found === undefined) {
      if (!allowMissingToken) return missing();
      exchange.identity ??= nobody;
      return undefined;
    }
    const verdict = verifier.verify(found);
    return verdict instanceof Promise
      ? verdict.then((each) => judge(exchange, found, each))
      : judge(exchange, found, verdict);
  };
  return (exchange) => {
    const found = read(exchange);
    return found instanceof Promise ? found.then((each) => handle(exchange, each)) : handle(exchange, found);
  };
}

const nobody: Identity = Object.freeze({ type: 'anonymous', id: 'anonymous' });

/** Who calls is what the first of several authenticators says; the claims are the token's. */
function identityAfter(before: Identity | null, own: Identity): Identity {
  if (before === null || before.type === 'anonymous') return own;
  return { ...before, claims: own.claims ?? {} };
}

function verifierOf(config: Config, kit: Kit): Verifier | undefined {
  const report: Kit['problem'] = (path, message) => kit.problem(path, message);
  const { keys: listed, jwks, service, algorithms = allAlgorithms, ignoreExpiration, preventReplay } = config;
  if (ignoreExpiration && preventReplay)
    report(['preventReplay'], 'a token that never expires cannot be remembered until it does');
  for (const [index, { in: place, append, name }] of config.claims.entries()) {
    if (append && place !== 'header') report(['claims', index, 'append'], 'allowed for a header only');
    if (place === 'header' && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name))
      report(['claims', index, 'name'], `found "${name}"; allowed: the name of a header field`);
  }
  const keys = readKeys(config, report);
  if (keys === undefined) return undefined;
  const { cacheSeconds } = service ?? {};
  return kit.use(Own).of({ keys, facts: [listed, jwks, service], algorithms, cacheSeconds });
}

function placeOf({ token }: Config, { api }: Kit): TokenPlace {
  const declared = declaredParameters(api).find(
    ({ name }) => name.toLowerCase() === token.name?.toLowerCase(),
  );
  const found = token.in ?? (declared?.in === 'query' ? 'query' : 'header');
  const name = token.name ?? (found === 'header' ? 'Authorization' : 'access_token');
  return { in: found, name, prefix: token.prefix ?? 'Bearer', prefixRequired: token.prefixRequired };
}

function blockedBy({ block }: Config, kit: Kit): DataSet | undefined {
  if (block === undefined) return undefined;
  const sets = kit.use(DataSets);
  const set = sets.byName(block.dataSet);
  if (set === undefined)
    kit.problem(
      ['block', 'dataSet'],
      `there is no data set "${block.dataSet}"; ${describeAllowed(sets.names, block.dataSet)}`,
    );
  else if (set.type !== 'JWT_BLOCKING')
    kit.problem(
      ['block', 'dataSet'],
      `the data set "${set.name}" is of type ${set.type}; allowed: JWT_BLOCKING`,
    );
  return set;
}
