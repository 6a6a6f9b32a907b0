import { parseArgs } from 'node:util';

/** A mistake in the command line, told to the user without a stack. */
export class UsageError extends Error {}

export interface Flag {
  readonly placeholder: string;
  readonly description: string;
}

export type Values = Readonly<Record<string, string | undefined>>;

/** Values of `--flag VALUE` flags; undefined when the user asked for help, which is then printed. */
export function parseFlags(usage: string, flags: Readonly<Record<string, Flag>>): Values | undefined {
  const options = Object.fromEntries(Object.keys(flags).map((name) => [name, { type: 'string' as const }]));
  const { values } = parse({ ...options, help: { type: 'boolean' as const } });
  if (values['help'] !== true) return values as Values;
  const lines = Object.entries(flags).map(([name, { placeholder, description }]) => {
    return `  ${`--${name} ${placeholder}`.padEnd(24)} ${description}`;
  });
  console.log([usage, '', ...lines, `  ${'--help'.padEnd(24)} this text`].join('\n'));
  return undefined;
}

function parse(options: Record<string, { type: 'string' | 'boolean' }>) {
  try {
    return parseArgs({ options, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

export function toCount(values: Values, name: string, fallback: number): number {
  const text = values[name];
  if (text === undefined) return fallback;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`--${name}: ${text} is not a positive whole number`);
  return Number(text);
}

/** Several numbers, with commas between. */
export function toCounts(values: Values, name: string, fallback: readonly number[]): number[] {
  const words = toWords(values, name);
  return words.length === 0
    ? [...fallback]
    : words.map((word) => toCount({ [name]: word }, name, 0)).toSorted((a, b) => a - b);
}

/** Several words, with commas between; none when the flag is absent. */
export function toWords(values: Values, name: string): string[] {
  return values[name]?.split(',').map((word) => word.trim()) ?? [];
}

export function toNames<Name extends string>(values: Values, flag: string, known: readonly Name[]): Name[] {
  const asked = values[flag]?.split(',').map((name) => name.trim());
  const unknown = asked?.find((name) => !known.some((other) => other === name));
  if (unknown !== undefined) throw new UsageError(`--${flag}: ${unknown} is none of ${known.join(', ')}`);
  return known.filter((name) => asked?.includes(name) ?? true);
}

/** Runs a command line program: its failure is one message and a non-zero exit code. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? `${error.message} (--help shows all flags)` : error);
    process.exitCode = isUsage ? 2 : 1;
  }
}
