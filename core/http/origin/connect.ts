import { buildConnector } from 'undici';

/** Told of bytes that came. They are the buffer's for as long as the call lasts. */
type Receive = (bytes: Buffer) => void;

/** Opens a connection. @param receive takes what comes; null when the connection is to be read as a stream */
export type Connect = (
  to: Pick<buildConnector.Options, 'hostname' | 'host' | 'protocol' | 'port'>,
  receive: Receive | null,
  callback: buildConnector.Callback,
) => void;

/** One for all connections: reading as a stream takes 64 KiB anew for each piece, however small that is. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Opens connections that are given up when they do not come about in time. */
export function connector(timeoutMs: number): Connect {
  return (to, receive, callback) => {
    const onread = receive && {
      buffer,
      callback: (length: number): boolean => {
        receive(buffer.subarray(0, length));
        return true;
      },
    };
    const connect = buildConnector({ timeout: timeoutMs, allowH2: false, ...(onread && { onread }) });
    connect(to, callback);
  };
}
