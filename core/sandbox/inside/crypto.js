// Runs in the isolate in place of node:crypto.
const lent = globalThis.crypto;
export const createHash = (algorithm) => lent.createHash(algorithm);
export const createHmac = (algorithm, key) => lent.createHmac(algorithm, key);
export const getRandomValues = (array) => lent.getRandomValues(array);
export const randomBytes = (size) => lent.randomBytes(size);
export const randomUUID = () => lent.randomUUID();
export const timingSafeEqual = (a, b) => lent.timingSafeEqual(a, b);
export default lent;
