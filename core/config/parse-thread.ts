import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { parseText } from './parse.ts';

// Of this thread alone: requests come first where there are few processors.
setPriority(19);

parentPort?.on('message', (text: string) => {
  const parsed = parseText(text);
  parentPort?.postMessage(
    parsed,
    [parsed.lineStarts, parsed.events].flatMap((numbers) => numbers?.buffer ?? []),
  );
});
