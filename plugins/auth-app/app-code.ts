import { type App, type Exchange, type Reply, refuse } from '#sdk';
import type { AppCodes } from './app-codes.ts';
import { type Scheme, fault } from './scheme.ts';

const field = 'x-apig-appcode';

/** Huawei's simple authentication: a code that stands for the app, and nothing signed. */
export function appCodeScheme(codes: AppCodes, isAllowed: boolean): Scheme {
  return {
    fields: [field],
    recognizes: ({ headers }) => headers.has(field),
    verify: (exchange) => verify(exchange, codes, isAllowed),
  };
}

function verify({ scheme, headers }: Exchange, codes: AppCodes, isAllowed: boolean): App | Reply {
  if (!isAllowed) return refused('this API accepts no AppCode');
  // Whoever listens on the way has the code for good; refused, the caller learns that it is not to be sent like this.
  if (scheme !== 'https') return refused('an AppCode is accepted over HTTPS only');
  const app = codes.find(headers.combined(field) ?? '');
  return (
    app ?? refuse('app-auth-unknown-key', { message: `${fault}: app not found, the AppCode is unknown` })
  );
}

function refused(words: string): Reply {
  return refuse('app-auth-failed', { message: `${fault}: ${words}` });
}
