import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { parseText } from './parse.ts';

// Requests come first where there are few processors. Elsewhere than on Linux it would be the priority of the whole process.
if (process.platform === 'linux') setPriority(19);

parentPort?.on('message', (text: string) => {
  const parsed = parseText(text);
  parentPort?.postMessage(
    parsed,
    [parsed.lineStarts, parsed.events].flatMap((numbers) => numbers?.buffer ?? []),
  );
});
