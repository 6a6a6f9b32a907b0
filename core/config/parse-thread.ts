import { parentPort } from 'node:worker_threads';
import { parseText } from './parse.ts';

parentPort?.on('message', (text: string) => {
  const parsed = parseText(text);
  parentPort?.postMessage(
    parsed,
    [parsed.lineStarts, parsed.events].flatMap((numbers) => numbers?.buffer ?? []),
  );
});
