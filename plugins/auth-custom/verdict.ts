import type { Identity, RefusalKind } from '#sdk';
import type { AuthorizerContext } from '#sdk/mapping';
import type { Decision } from './answer.ts';

/** What comes of asking an authorizer. Shared by the requests it holds for: nothing in it changes. */
export interface Verdict {
  /** Undefined when the request goes on. */
  readonly refusal:
    | Extract<RefusalKind, 'authorizer-identity-missing' | 'authorizer-denied' | 'authorizer-unusable'>
    | undefined;
  /** Whether the function decided; only that may be kept. */
  readonly isDecided: boolean;
  readonly context: AuthorizerContext;
  readonly identity: Identity;
}

const nothing: AuthorizerContext = new Map();
const nobody: Identity = { type: 'authorizer', id: '' };

export const identityMissing: Verdict = {
  refusal: 'authorizer-identity-missing',
  isDecided: false,
  context: nothing,
  identity: nobody,
};

export const unusable: Verdict = {
  refusal: 'authorizer-unusable',
  isDecided: false,
  context: nothing,
  identity: nobody,
};

/** Relaxed mode: the function cannot be reached, and its requests go on all the same. */
export function relaxedVerdict(authorizer: string): Verdict {
  return {
    refusal: undefined,
    isDecided: false,
    context: nothing,
    identity: { type: 'authorizer', id: authorizer, isShared: true },
  };
}

/** Who calls is `AUTHORIZER/USER`, where the context says `user`: two authorizers may mean two people by one name. */
export function decided(authorizer: string, { isAllowed, context }: Decision): Verdict {
  const user = context.get('user') ?? '';
  return {
    refusal: isAllowed ? undefined : 'authorizer-denied',
    isDecided: true,
    context,
    identity: Object.freeze({
      type: 'authorizer',
      ...(user === '' ? { id: authorizer, isShared: true } : { id: `${authorizer}/${user}` }),
      claims: Object.freeze(Object.fromEntries(context)),
    }),
  };
}
