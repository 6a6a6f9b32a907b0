import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { type RefusalKind, refusalKinds } from '#sdk';
import { renderRefusal } from '../kernel/render.ts';

/** What Node tells of bytes that are no request. */
interface ParserError extends Error {
  code?: string;
  rawPacket?: unknown;
}

/** Answers on a connection whose bytes were no request that the parser took, then closes it. */
export function refuseOnSocket(error: ParserError, socket: Socket): void {
  // With an answer under way, more bytes would be taken for a part of it.
  const busy = (socket as Socket & { _httpMessage?: { headersSent: boolean } | null })._httpMessage?.headersSent === true;
  if (error.code === 'ECONNRESET' || !socket.writable || busy) {
    socket.destroy();
    return;
  }
  const kind = kindOf(error);
  const requestId = randomUUID();
  const body = renderRefusal({ kind }, requestId);
  const { status, message } = refusalKinds[kind];
  socket.end(
    `HTTP/1.1 ${status} ${reason(status) ?? message}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${requestId}\r\nConnection: close\r\n\r\n${body}`,
  );
  // A peer that never closes its side would hold the socket.
  setTimeout(() => socket.destroy(), 2000).unref();
}

function kindOf(error: ParserError): RefusalKind {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request-timeout';
  if (error.code !== 'HPE_HEADER_OVERFLOW') return 'bad-request';
  // The parser does not say which part overflowed; without a line end in the packet it was still the request line.
  return error.rawPacket instanceof Buffer && error.rawPacket.includes('\r\n') ? 'headers-too-large' : 'uri-too-large';
}

/** Reason phrases that Node does not know. */
export function reason(status: number): string | undefined {
  if (status === 494) return 'Request Header Fields Too Large';
  if (status === 499) return 'Client Closed Request';
  return undefined;
}
