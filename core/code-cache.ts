import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Where it is kept what Node made of the code, for processes that start later: it saves each half of the CPU time until it is loaded,
 * and 20 MB. Beside the code, so that who may write there could change the code as well; where nobody may, there is none.
 */
export const codeCache: string =
  process.env['NODE_COMPILE_CACHE'] ?? fileURLToPath(new URL('../node_modules/.cache/code', import.meta.url));

// For whatever is imported after this.
enableCompileCache(codeCache);
