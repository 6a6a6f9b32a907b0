// Runs in the isolate in place of node:buffer.
const lent = globalThis.Buffer;
export { lent as Buffer };
export default { Buffer: lent };
