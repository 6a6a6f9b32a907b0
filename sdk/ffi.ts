/**
 * Node's way to call functions of C; for core and the sdk alone.
 * @throws Error with the reason when there is none
 */
export function loadFfi(): typeof import('node:ffi') {
  // That the module is experimental is nothing an operator can do anything about.
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    const ffi = process.getBuiltinModule('node:ffi') as typeof import('node:ffi') | undefined;
    if (ffi !== undefined) return ffi;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new Error(`there is no node:ffi (Node 26); this is Node ${process.version}`);
}
