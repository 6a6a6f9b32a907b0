// Runs in the isolate in place of node:os, of which the sdk uses this: the machine is nobody's business here.
export const hostname = () => '';
export const networkInterfaces = () => ({});
