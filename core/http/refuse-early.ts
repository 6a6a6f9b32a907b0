import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type RefusalKind, refusalKinds } from '#sdk';
import { renderRefusal } from '../kernel/render.ts';
import { newUuid } from './uuid.ts';

/** What Node tells of bytes that are no request. */
interface ParserError extends Error {
  code?: string;
  rawPacket?: unknown;
}

/** Told to the answer under way when its request's content turns out to be no HTTP. */
export const malformedContent = 'tapgate:malformed';

/** Connections on which malformed bytes get no answer, because one was given already. */
const answered = new WeakSet<Socket>();

/** Whether malformed bytes on the connection are answered, as they are unless told otherwise. */
export function answerMalformed(socket: Socket, isAnswered: boolean): void {
  if (isAnswered) answered.delete(socket);
  else answered.add(socket);
}

/** Answers on a connection whose bytes were no request that the parser took, then closes it. */
export function refuseOnSocket(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
  else refuseNext(kindOf(error), socket);
}

/** CONNECT asks for a tunnel, which a gateway does not give. */
export function refuseTunnel(socket: Socket): void {
  // Node lets go of the socket, its error handling included.
  socket.on('error', () => socket.destroy());
  socket.on('drain', () => currentAnswer(socket)?.emit('drain'));
  socket.resume();
  refuseNext('bad-request', socket);
}

function refuseNext(kind: RefusalKind, socket: Socket): void {
  if (answered.has(socket)) {
    // Without an answer under way there is nothing to wait for.
    if (currentAnswer(socket) === null) socket.destroySoon();
    return;
  }
  answered.add(socket);
  const current = currentAnswer(socket);
  if (current === null) {
    writeRefusal(kind, socket);
    return;
  }
  // Answers go out in order: what was written here now would be taken for the answer, or a part of it, to an earlier
  // request. That one is still answered, and it is the last.
  current.shouldKeepAlive = false;
  current.once('close', () => socket.destroySoon());
  current.emit(malformedContent);
}

/** The answer under way on a connection. */
export function currentAnswer(socket: Socket): ServerResponse | null {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? null;
}

function writeRefusal(kind: RefusalKind, socket: Socket): void {
  const requestId = newUuid();
  const body = renderRefusal({ kind }, requestId);
  const { status, message } = refusalKinds[kind];
  socket.end(
    `HTTP/1.1 ${status} ${reason(status) ?? message}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
  // A peer that never closes its side would hold the socket; one that still sends would lose the answer to a reset.
  setTimeout(() => socket.destroy(), 2000).unref();
}

function kindOf(error: ParserError): RefusalKind {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request-timeout';
  if (error.code !== 'HPE_HEADER_OVERFLOW') return 'bad-request';
  // The parser does not say which part overflowed; without a line end in the packet it was still the request line.
  return error.rawPacket instanceof Buffer && error.rawPacket.includes('\r\n')
    ? 'headers-too-large'
    : 'uri-too-large';
}

/** Reason phrases that Node does not know. */
export function reason(status: number): string | undefined {
  if (status === 494) return 'Request Header Fields Too Large';
  if (status === 499) return 'Client Closed Request';
  return undefined;
}
