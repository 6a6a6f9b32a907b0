import { type Refusal, refusalKinds } from '#sdk';

/** The default form of a refusal (Huawei's): what a caller gets unless the group chose another. */
export function renderRefusal(refusal: Refusal, requestId: string): string {
  const facts = refusalKinds[refusal.kind];
  return JSON.stringify({
    error_code: facts.code,
    error_msg: refusal.message ?? facts.message,
    request_id: requestId,
  });
}
