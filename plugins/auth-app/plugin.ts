import {
  type App,
  Apps,
  type Exchange,
  Options,
  Reply,
  type Static,
  Type,
  definePlugin,
  offer,
  refuse,
} from '#sdk';
import { alibabaScheme } from './alibaba.ts';
import { AppsSchema, credentialsOf, readApps } from './apps.ts';
import type { Scheme } from './scheme.ts';

const Config = Options({
  forceNonce: Type.Boolean({
    default: false,
    description:
      'Refuse requests without X-Ca-Nonce and X-Ca-Timestamp, both signed (Alibaba: force nonce check).',
  }),
});

export default definePlugin({
  name: 'auth-app',
  summary: 'Lets apps call that signed the request with their secret and are authorised to call the API.',
  config: Config,
  section: { name: 'apps', schema: AppsSchema },
  offers: [Apps],
  setup: (section: Static<typeof AppsSchema> | undefined, kit) => ({
    services: [offer(Apps, readApps(section, kit))],
  }),
  bind({ forceNonce }: Static<typeof Config>, kit) {
    const { api, environment, clock, values } = kit;
    const schemes: readonly Scheme[] = [alibabaScheme({ apps: kit.use(Apps), clock, values, forceNonce })];
    const proofs = new Set(schemes.flatMap(({ fields }) => fields));
    const schemeOf = (exchange: Exchange) => schemes.find((scheme) => scheme.recognizes(exchange));
    const admit = (exchange: Exchange, verdict: App | Reply): Reply | undefined => {
      if (verdict instanceof Reply) return verdict;
      exchange.identity = credentialsOf(verdict)?.identity ?? null;
      return verdict.mayCall(api.name, environment) ? undefined : refuse('app-not-authorized');
    };
    return {
      auth: {
        stage: 'authenticate',
        handle(exchange) {
          const verdict = schemeOf(exchange)?.verify(exchange) ?? unsigned();
          return verdict instanceof Promise
            ? verdict.then((each) => admit(exchange, each))
            : admit(exchange, verdict);
        },
      },
      // Off the outbound request and not off the exchange: the access log and `response` read what came in.
      backendSigning(outbound) {
        outbound.headers.deleteAll(proofs);
        return undefined;
      },
      response(inbound) {
        schemeOf(inbound.exchange)?.answer?.(inbound);
        return undefined;
      },
    };
  },
});

function unsigned(): Reply {
  return refuse('app-auth-missing', {
    message: 'Incorrect app authentication information: the request is not signed with an AppKey',
  });
}
