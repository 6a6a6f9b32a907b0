// Starts Express Gateway: `node express-gateway-program.ts FOLDER_WITH_NODE_MODULES CONFIGURATION_FOLDER`.
import { createRequire } from 'node:module';
import { join } from 'node:path';

interface ExpressGateway {
  load(folder: string): { run(): Promise<unknown> };
}

const [folder = '.', configuration = '.'] = process.argv.slice(2);
process.env['LOG_LEVEL'] = 'error';
process.env['NODE_ENV'] = 'production';
const start = createRequire(join(folder, 'start.js'))('express-gateway') as () => ExpressGateway;
await start().load(configuration).run();
