import { parseArgs } from 'node:util';
import { check } from './commands/check.ts';
import { dev } from './commands/dev.ts';
import { explain } from './commands/explain.ts';
import { pluginNew } from './commands/plugin-new.ts';
import { plugins } from './commands/plugins.ts';
import { schema } from './commands/schema.ts';
import { start } from './commands/start.ts';
import { test } from './commands/test.ts';
import { UsageError } from './commands/usage.ts';
import { ConfigError, describeAllowed } from './config/problems.ts';
import './plugins/resolve-sdk.ts';

const help = `tapgate COMMAND

  start   --config PATH                       serve; a changed file is picked up while running
  dev     --config PATH                       the same for authors: a line for each request, and errors with their code
  plugin new NAME [--dir PATH]                a folder with a plugin, its test and its page, to begin with
  check   --config PATH                       say what is wrong with a configuration, or that nothing is
  explain --config PATH METHOD URL [-H 'Name: value']...
                                              which API a request reaches, and what each hook runs for it
  plugins [--config PATH]                     the installed plugins, their hooks and options
  schema  [--config PATH]                     the JSON Schema of the whole configuration, for editors
  test    FOLDER                              run the tests of a plugin that lies anywhere

  PATH is a YAML file or a folder of them. --help after any of this prints it.
`;

/** Those that only some commands take. */
interface Options {
  readonly dir?: string | undefined;
  readonly header?: readonly string[] | undefined;
}

const commands: Readonly<
  Record<string, (args: readonly string[], config: string | undefined, options: Options) => Promise<number>>
> = {
  start: (_args, config) => start(config),
  check: (_args, config) => check(config),
  dev: (_args, config) => dev(config),
  plugin: (args, _config, { dir }) => pluginNew(args, dir),
  explain: (args, config, { header = [] }) => explain(config, args, header),
  plugins: (_args, config) => plugins(config),
  schema: (_args, config) => schema(config),
  test: (args) => test(args),
};

const options = {
  config: { type: 'string', short: 'c' },
  dir: { type: 'string' },
  header: { type: 'string', short: 'H', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const;

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    const [, name] = /^Unknown option '(-[^']+)'/.exec((error as Error).message) ?? [];
    if (name === undefined) throw error;
    const known = Object.keys(options).map((option) => `--${option}`);
    throw new UsageError(`there is no option "${name}"; ${describeAllowed(known, name)}`);
  }
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  const [name, ...args] = positionals;
  if (values.help === true || name === undefined) {
    process.stdout.write(help);
    return name === undefined && values.help !== true ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new UsageError(`there is no command "${name}"; ${describeAllowed(Object.keys(commands), name)}`);
  return command(args, values.config, values);
}

// A reader that has seen enough, such as `head`, is no failure; and a log that nobody reads must not stop a gateway.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  if (error instanceof ConfigError) {
    const count = error.problems.length;
    process.stderr.write(
      `${error.message}\n\n${count} problem${count === 1 ? '' : 's'} in the configuration\n`,
    );
  } else {
    process.stderr.write(
      `tapgate: ${isUsage ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`,
    );
    if (isUsage) process.stderr.write('tapgate --help says more\n');
  }
  process.exitCode = isUsage ? 2 : 1;
}
