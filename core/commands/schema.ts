import { documentSchema } from '../config/document-schema.ts';
import { installedPlugins } from './installed.ts';

/** Prints the JSON Schema of a whole configuration. */
export async function schema(config: string | undefined): Promise<number> {
  const installed = await installedPlugins(config);
  process.stdout.write(`${JSON.stringify(documentSchema(installed), null, 2)}\n`);
  return 0;
}
