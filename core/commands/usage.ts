/** The command line was wrong; its message tells how. */
export class UsageError extends Error {}

/** The value of `--config`. @throws UsageError when it is missing */
export function configPath(config: string | undefined): string {
  if (config === undefined)
    throw new UsageError('--config PATH is missing: a YAML file, or a folder of them');
  return config;
}
