import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { loadFfi as ffi } from '#sdk/ffi';

/** There is no memory to share here: an old Node, another system, or a layout of another version. */
export class SharedMemoryUnavailable extends Error {}

/** Memory of this process and of those that it hands the descriptor to. It lasts as long as one of them. */
export interface SharedMemory {
  /** For one of the places of a child's `stdio`, and for no other child: it is closed in those that do not name it. */
  readonly fd: number;
  readonly buffer: ArrayBuffer;
}

const readAndWrite = 1 | 2;
const mapShared = 1;
const closeOnExec = 1;
const failed = 2n ** 64n - 1n;

/**
 * Takes memory that processes can share. Pages are taken from the system when they are first written.
 * @throws SharedMemoryUnavailable
 */
export function openSharedMemory(bytes: number): SharedMemory {
  const fd = process.platform === 'linux' ? openAnonymous(bytes) : openUnlinked(bytes);
  try {
    return { fd, buffer: map(fd, bytes) };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/**
 * The same memory in another process. What is mapped stays mapped until the process ends.
 * @param fd where the parent put its descriptor in `stdio`; may be closed afterwards
 * @throws SharedMemoryUnavailable
 */
export function attachSharedMemory(fd: number, bytes: number): ArrayBuffer {
  const size = sizeOf(fd);
  // Touching what lies behind the end would kill the process.
  if (size !== bytes)
    throw new SharedMemoryUnavailable(`found ${size} bytes of shared memory, expected ${bytes}`);
  return map(fd, bytes);
}

/** @throws SharedMemoryUnavailable when the descriptor is none */
export function sizeOf(fd: number): number {
  try {
    return fs.fstatSync(fd).size;
  } catch (error) {
    throw new SharedMemoryUnavailable(`descriptor ${fd} is no shared memory`, { cause: error });
  }
}

function openAnonymous(bytes: number): number {
  const { functions } = loadFfi().dlopen(null, {
    memfd_create: { arguments: ['string', 'uint32'], return: 'int32' },
  });
  const fd = functions.memfd_create('tapgate', closeOnExec);
  if (fd < 0) throw new SharedMemoryUnavailable('the system gives no memory to share (memfd_create)');
  fs.ftruncateSync(fd, bytes);
  return fd;
}

/** A file without a name, where there is no memory without one. */
function openUnlinked(bytes: number): number {
  const file = path.join(os.tmpdir(), `tapgate-${randomUUID()}`);
  const fd = fs.openSync(file, 'wx+', 0o600);
  fs.unlinkSync(file);
  // Written through, so that a full disk is an error here and does not kill a process that touches a page later.
  const block = Buffer.alloc(1024 * 1024);
  for (let at = 0; at < bytes;) at += fs.writeSync(fd, block, 0, Math.min(block.length, bytes - at));
  return fd;
}

function map(fd: number, bytes: number): ArrayBuffer {
  const ffi = loadFfi();
  const { functions } = ffi.dlopen(null, {
    mmap: {
      arguments: ['pointer', 'uint64', 'int32', 'int32', 'int32', 'int64'],
      return: 'pointer',
    },
  });
  const pointer = functions.mmap(0n, BigInt(bytes), readAndWrite, mapShared, fd, 0n);
  if (pointer === failed) throw new SharedMemoryUnavailable(`${bytes} bytes cannot be mapped (mmap)`);
  return ffi.toArrayBuffer(pointer, bytes, false);
}

function loadFfi(): typeof import('node:ffi') {
  if (process.platform === 'win32')
    throw new SharedMemoryUnavailable('memory cannot be shared between processes on Windows');
  try {
    return ffi();
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it failed';
    throw new SharedMemoryUnavailable(`memory cannot be shared: ${reason}`, { cause: error });
  }
}
