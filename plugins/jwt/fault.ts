import { type RefusalDetails, type Reply, refuse } from '#sdk';

const start = 'Incorrect authentication information';

/** Refuses a token. @param message what a caller may know, who has the token @param cause for the log */
export function fault(message: string, details: RefusalDetails = {}): Reply {
  const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
  return refuse('jwt-failed', { headers, ...details, message: `${start}: ${message}.` });
}

/** Whatever is wrong with the token itself is told in the same words: they help nobody to make a better one. */
export function invalid(cause: string): Reply {
  return fault('the token is not valid', { cause });
}

/** There is no token. */
export function missing(): Reply {
  return refuse('jwt-missing', { headers: { 'www-authenticate': 'Bearer' } });
}

/** For want of keys nobody's token can be verified. */
export function unavailable(): Reply {
  return fault('tokens cannot be verified at the moment', {
    status: 503,
    headers: {},
    cause: 'the keys cannot be fetched',
  });
}
