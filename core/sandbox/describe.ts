import type { Needs } from '#sdk';
import type { Cage } from './cage.ts';
import type { SandboxOptions } from './limits.ts';
import type { PluginProgram } from './source.ts';
import { printable } from './untrusted.ts';

/** For `explain`. Nothing that the plugin says: it may say anything. */
export function describeCage(
  cage: Cage,
  { memoryMb, timeoutMs }: SandboxOptions,
  needs: Needs,
  isOpen: boolean,
): readonly string[] {
  const { calls, faults, dropped, microseconds } = cage.figures;
  const average = calls === 0 ? '' : `, ${Math.round(microseconds / calls)} us a call`;
  const lost = dropped === 0 ? '' : `, ${dropped} notices dropped`;
  const until = cage.suspendedUntil;
  const meanwhile = isOpen ? 'requests pass without it' : 'requests are refused';
  return [
    `runs in a sandbox: ${memoryMb} MB, ${timeoutMs} ms a call, on error ${isOpen ? 'open' : 'closed'}`,
    `sees ${seen(needs)}`,
    `${calls} calls, ${faults} faults${average}${lost}`,
    ...(until === undefined ? [] : [`suspended until ${new Date(until).toISOString()}: ${meanwhile}`]),
  ];
}

function seen({ headers = [], answerHeaders = [], bodyBytes, answerBodyBytes }: Needs): string {
  const parts = [
    'the request line',
    ...(headers.length === 0 ? [] : [`the request fields ${headers.join(', ')}`]),
    ...(bodyBytes === undefined ? [] : [`content up to ${bodyBytes} bytes`]),
    ...(answerHeaders.length === 0 ? [] : [`the answer fields ${answerHeaders.join(', ')}`]),
    ...(answerBodyBytes === undefined ? [] : [`the answer's content up to ${answerBodyBytes} bytes`]),
  ];
  return parts.join('; ');
}

/** An import that leads nowhere is told with its file and line, which the isolate does not know. */
export function explained(detail: string, { unknown }: PluginProgram): string {
  for (const [specifier, place] of unknown) {
    if (detail.includes(`"${specifier}" cannot be imported`)) {
      const allowed = 'allowed: tapgate/sdk, files of its own folder, node:crypto, node:buffer, node:url';
      return `${place}: "${specifier}" cannot be imported in a sandbox; ${allowed}; bundle anything else`;
    }
  }
  return firstLine(detail);
}

/** Of a stack the message, and where in the plugin's own code it was: `name/plugin.ts:3:5`. */
export function firstLine(detail: string): string {
  const [message = '', ...frames] = detail.split('\n');
  const [, place] =
    frames
      .map((frame) => /\(?((?!tapgate|<|sdk\/|inside\/)[\w@./-]+:\d+:\d+)\)?$/.exec(frame))
      .find((found) => found !== null) ?? [];
  const plain = printable(message.replace(/^(?:\w*Error): /, '').slice(0, 500));
  return place === undefined ? plain : `${plain} (${place})`;
}
