import { Socket } from 'node:net';
import type { CallLimits, CallResult, IsolateLine, IsolateOptions } from '../calls.ts';
import { type Frame, FrameReader, encodeFrame } from '../frames.ts';
import type { Program } from '../program.ts';
import { Sandbox } from './sandbox.ts';
import { endWithGateway } from './watch.ts';

// A process that holds one isolate and serves calls, one after another, from the gateway at descriptor 3.

const channel = new Socket({ fd: 3, readable: true, writable: true });
let make: (() => Sandbox) | undefined;
let sandbox: Sandbox | undefined;
let isWatching = false;

/** What runs for less is over soon by itself, and a thread is not for nothing. */
const longMs = 5000;

async function start({ head, text }: Frame): Promise<void> {
  const { options, program } = head as { options: IsolateOptions; program: Omit<Program, 'code'> };
  // Most functions call nobody, and starting an HTTP client takes as long as all else here.
  const fetcher =
    options.allowHosts.length === 0
      ? undefined
      : new (await import('./fetch.ts')).Fetcher(options.allowHosts);
  const write = (line: IsolateLine): void => {
    channel.write(encodeFrame({ type: 'log', level: line.level }, line.text));
  };
  make = () => new Sandbox({ ...program, code: text }, options, fetcher, write);
  renew();
}

/** Makes an isolate for the next call; the gateway waits until it is told. */
function renew(): void {
  sandbox?.dispose();
  sandbox = make?.();
  channel.write(encodeFrame({ type: 'ready' }));
}

async function serve({ head, text }: Frame): Promise<void> {
  const { id, limits } = head as { id: number; limits: CallLimits };
  if (limits.runMs > longMs && !isWatching) {
    isWatching = true;
    endWithGateway();
  }
  const result: CallResult = sandbox?.loadFault ??
    (await sandbox?.call(id, text, limits)) ?? { fault: 'crashed', detail: 'there is no program' };
  // One that could not be loaded is spent, so that the next call tries again.
  const isSpent = sandbox?.isSpent === true;
  if (result.fault === undefined) channel.write(encodeFrame({ type: 'done', id, isSpent }, result.json));
  else channel.write(encodeFrame({ type: 'done', id, isSpent, fault: result.fault }, result.detail));
  if (isSpent) renew();
}

const reader = new FrameReader((frame) => {
  void (frame.head['type'] === 'start' ? start(frame) : serve(frame));
});

channel.on('data', (piece: Buffer) => reader.push(piece));
channel.on('close', () => process.exit(0));
channel.on('error', () => process.exit(0));
