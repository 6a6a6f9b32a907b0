import {
  type Amendment,
  type App,
  Apps,
  type Exchange,
  type Kit,
  Options,
  type Published,
  Reply,
  type Static,
  Type,
  definePlugin,
  offer,
  refuse,
} from '#sdk';
import { alibabaScheme } from './alibaba.ts';
import { appCodeScheme } from './app-code.ts';
import { AppsSchema, appCodesOf, credentialsOf, readApps } from './apps.ts';
import { huaweiScheme } from './huawei.ts';
import { Proofs } from './proofs.ts';
import { type Scheme, fault } from './scheme.ts';

const Config = Options({
  forceNonce: Type.Boolean({
    default: false,
    description:
      'Refuse requests without X-Ca-Nonce and X-Ca-Timestamp, both signed (Alibaba: force nonce check).',
  }),
  appCode: Type.Boolean({
    default: false,
    description: 'Accept an AppCode in X-Apig-AppCode over HTTPS (Huawei: simple authentication).',
  }),
});

export default definePlugin({
  name: 'auth-app',
  summary:
    'Lets apps call that signed the request with their secret, or sent an AppCode, and are authorised to call the API.',
  config: Config,
  section: { name: 'apps', schema: AppsSchema },
  offers: [Apps],
  setup: (section: Static<typeof AppsSchema> | undefined, kit) => ({
    services: [offer(Apps, readApps(section, kit))],
    // What apps may call was checked against what is published; more may come.
    amend: (change) => (keepsPlaces(change) ? undefined : false),
  }),
  bind(config: Static<typeof Config>, kit) {
    const { api, environment } = kit;
    const schemes = schemesOf(config, kit);
    const proofs = new Proofs(schemes.flatMap(({ fields }) => fields));
    const admit = (exchange: Exchange, verdict: App | Reply): Reply | undefined => {
      if (verdict instanceof Reply) return verdict;
      exchange.identity = credentialsOf(verdict)?.identity ?? null;
      return verdict.mayCall(api.name, environment) ? undefined : refuse('app-not-authorized');
    };
    return {
      auth: {
        stage: 'authenticate',
        handle(exchange) {
          const verdict = verify(exchange, schemes);
          return verdict instanceof Promise
            ? verdict.then((each) => admit(exchange, each))
            : admit(exchange, verdict);
        },
      },
      // Off the outbound request and not off the exchange: the access log and `response` read what came in.
      backendSigning(outbound) {
        for (const scheme of schemes) scheme.strip?.(outbound);
        proofs.deleteFrom(outbound.headers);
        return undefined;
      },
      response(inbound) {
        for (const scheme of schemes) {
          if (scheme.answer !== undefined && scheme.recognizes(inbound.exchange)) scheme.answer(inbound);
        }
        return undefined;
      },
    };
  },
});

/** Whether whatever was published still is. */
function keepsPlaces({ added, removed }: Amendment): boolean {
  const placeOf = ({ api, environment }: Published): string => `${api.name} ${environment}`;
  const places = new Set(added.map(placeOf));
  return removed.every((each) => places.has(placeOf(each)));
}

function schemesOf({ forceNonce, appCode }: Static<typeof Config>, kit: Kit): readonly Scheme[] {
  const { clock, values } = kit;
  const apps = kit.use(Apps);
  if (forceNonce && appCode) {
    kit.problem(['appCode'], 'a call with an AppCode has no nonce; allowed with forceNonce: false');
  }
  const alibaba = alibabaScheme({ apps, clock, values, forceNonce });
  const others = [huaweiScheme({ apps, clock }), appCodeScheme(appCodesOf(apps), appCode)];
  return [alibaba, ...(forceNonce ? others.map(withoutNonce) : others)];
}

/** Where a nonce is asked for, a proof that has none would be the way around it. */
function withoutNonce(scheme: Scheme): Scheme {
  return { ...scheme, verify: () => refuse('app-auth-nonce-missing') };
}

/** Two proofs in one request may be two callers: the one that is let in and the one that others take it for. */
function verify(exchange: Exchange, schemes: readonly Scheme[]): App | Reply | Promise<App | Reply> {
  let used: Scheme | undefined;
  for (const scheme of schemes) {
    if (!scheme.recognizes(exchange)) continue;
    if (used !== undefined) {
      const words = 'of a signature in Authorization, X-Ca-Key and X-Apig-AppCode only one is allowed';
      return refuse('app-auth-header-invalid', { message: `${fault}: ${words}` });
    }
    used = scheme;
  }
  if (used !== undefined) return used.verify(exchange);
  return refuse('app-auth-missing', { message: `${fault}: the request is not signed with an AppKey` });
}
