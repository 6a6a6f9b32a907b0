/** Milliseconds on a clock that never jumps, and that all processes and threads of the machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
