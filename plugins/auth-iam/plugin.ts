import {
  Accounts,
  type Exchange,
  Reply,
  type ServiceToken,
  type SetupKit,
  type Static,
  definePlugin,
  defineService,
  offer,
} from '#sdk';
import { AccountsSchema, Directory, toAccounts } from './accounts.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { IamSchema, type IamSection } from './options.ts';
import { unproven } from './refused.ts';
import { isSignature, verifySignature } from './signatures.ts';

/** How `bind` gets what `setup` made. */
const Iam: ServiceToken<Credentials> = defineService<Credentials>('iam-credentials');

export default definePlugin({
  name: 'auth-iam',
  summary: 'Lets users of accounts call, with a token or a signature of their access key.',
  section: { name: 'accounts', schema: AccountsSchema },
  moreSections: [{ name: 'iam', schema: IamSchema }],
  offers: [Accounts, Iam],
  setup(section: Static<typeof AccountsSchema> | undefined, kit: SetupKit) {
    const iam = kit.section('iam') as IamSection | undefined;
    const directory = new Directory(section, kit);
    const credentials = readCredentials(directory, iam, kit);
    const areAll = !directory.isEmpty && iam?.keystone === undefined;
    return {
      amend: () => undefined,
      services: [offer(Accounts, toAccounts(directory, areAll)), offer(Iam, credentials)],
      ...(credentials.fallback === undefined ? {} : { fallback: credentials.fallback }),
      dispose: () => credentials.dispose(),
    };
  },
  bind(_config, kit) {
    const credentials = kit.use(Iam);
    const verify = (exchange: Exchange) => {
      const token = exchange.headers.combined('x-auth-token');
      // Who shows a token is judged by it alone: there is no second chance.
      if (token !== undefined) return credentials.verifyToken(token);
      const authorization = exchange.headers.combined('authorization');
      if (!isSignature(authorization)) return unproven();
      return verifySignature(exchange, authorization, credentials);
    };
    return {
      auth: {
        stage: 'authenticate',
        handle(exchange) {
          const admit = (verdict: Awaited<ReturnType<typeof verify>>): Reply | undefined => {
            if (verdict instanceof Reply) return verdict;
            exchange.identity = verdict.identity;
            return undefined;
          };
          const verdict = verify(exchange);
          return verdict instanceof Promise ? verdict.then(admit) : admit(verdict);
        },
      },
      // Off the outbound request and not off the exchange: the access log and `response` read what came in.
      backendSigning({ headers, exchange }) {
        headers.delete('x-auth-token');
        headers.delete('x-security-token');
        const shown = exchange.headers.combined('authorization');
        // Another value is a backend signature, which may have been set before; other schemes are the backend's.
        if (isSignature(shown) && headers.combined('authorization') === shown)
          headers.delete('authorization');
        return undefined;
      },
    };
  },
});
