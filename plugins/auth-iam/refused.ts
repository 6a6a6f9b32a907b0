import { type Reply, refuse } from '#sdk';

const fault = 'Incorrect IAM authentication information';

/** What was shown proves nobody: 401 APIG.0301. */
export function failed(ending: string, cause?: string): Reply {
  return refuse('iam-auth-failed', {
    message: `${fault}: ${ending}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Nothing was shown. */
export function unproven(): Reply {
  return refuse('iam-auth-missing', {
    message: `${fault}: neither X-Auth-Token nor a signature in Authorization`,
  });
}

/** A token that was issued by nobody, was changed, withdrawn, or is of a user who is gone. */
export function badToken(cause: string): Reply {
  return failed('decrypt token fail', cause);
}
