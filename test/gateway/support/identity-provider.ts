import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** A client that may sign people in. */
interface Client {
  readonly id: string;
  readonly secret: string;
  readonly callback: string;
  readonly afterLogout: string;
}

/** The npm package `oidc-provider` on a port of its own, with one account: alice. */
export interface IdentityProvider extends AsyncDisposable {
  readonly origin: string;
  /** Grant types, in order, of the tokens that it issued. */
  readonly granted: readonly string[];
  /** Serves from now on, for this client; `/evil?to=` too, a page of somebody's with a link. */
  register(client: Client): void;
}

/** How long its access tokens are good for. */
export const accessTokenSeconds = 120;

/** Listens at once, so that others may be told its address. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  let handle = (_request: IncomingMessage, response: ServerResponse): unknown =>
    response.writeHead(503).end();
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const granted: string[] = [];
  return {
    origin,
    granted,
    register(client) {
      const provider = providerFor(origin, client);
      provider.on('grant.success', ({ oidc }) => granted.push(String(oidc.params?.['grant_type'])));
      const serve = provider.callback();
      handle = (request, response) => {
        const { pathname, searchParams } = new URL(request.url ?? '/', origin);
        if (pathname.startsWith('/sign-in/')) return signIn(provider, request, response);
        if (pathname === '/evil') return page(response, `<a href="${searchParams.get('to')}">bye</a>`);
        return serve(request, response);
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function providerFor(origin: string, { id, secret, callback, afterLogout }: Client): Provider {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return new Provider(origin, {
    clients: [
      {
        client_id: id,
        client_secret: secret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [callback],
        post_logout_redirect_uris: [afterLogout],
      },
    ],
    jwks: {
      keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'key', use: 'sig', alg: 'RS256' }],
    },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    claims: { openid: ['sub'], email: ['email'] },
    conformIdTokenClaims: false,
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({ sub: accountId, email: `${accountId}@id.test` }),
    }),
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.body = `<!doctype html>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out</button>`;
        },
      },
    },
    interactions: { url: (_context, { uid }) => `/sign-in/${uid}` },
    issueRefreshToken: (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    // Nobody is asked what the client may do.
    async loadExistingGrant(context) {
      const { session, client } = context.oidc;
      const grant = new context.oidc.provider.Grant({
        accountId: String(session?.accountId),
        clientId: String(client?.clientId),
      });
      grant.addOIDCScope('openid email profile offline_access');
      await grant.save();
      return grant;
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      IdToken: 3600,
      RefreshToken: 3600,
      Session: 3600,
      Grant: 3600,
      Interaction: 600,
    },
  });
}

/** Whoever says a name is taken at their word. */
async function signIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    page(response, '<form method="post"><input name="login"><button>Sign in</button></form>');
    return;
  }
  let form = '';
  for await (const piece of request) form += String(piece);
  const accountId = new URLSearchParams(form).get('login') ?? '';
  await provider.interactionFinished(request, response, { login: { accountId } });
}

function page(response: ServerResponse, content: string): void {
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end(`<!doctype html><title>provider</title>${content}`);
}
