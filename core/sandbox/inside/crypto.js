// Runs in the isolate in place of node:crypto.
const lent = globalThis.crypto;
export const { createHash, createHmac, getRandomValues, randomBytes, randomUUID, timingSafeEqual } = lent;
export default lent;
