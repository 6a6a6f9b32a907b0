import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Sink } from './sink.ts';

/** Appends to a file, opened for each batch: whoever moves it away gets a new one. */
export function fileSink(path: string): Sink {
  const file = resolve(path);
  return {
    name: `file ${file}`,
    async send(lines) {
      const text = `${lines.join('\n')}\n`;
      try {
        await appendFile(file, text);
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOENT') throw error;
        await mkdir(dirname(file), { recursive: true });
        await appendFile(file, text);
      }
    },
    close: () => Promise.resolve(),
  };
}
