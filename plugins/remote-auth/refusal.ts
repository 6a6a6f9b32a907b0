import { Fields, Reply, refuse } from '#sdk';
import type { Config } from './options.ts';
import type { Asked } from './service.ts';

/** What the caller gets who is not let through. */
export function refusalOf(asked: Asked, { refusal }: Config): Reply {
  if ('trouble' in asked) return refuse(asked.trouble);
  // What goes wrong over there is not the caller's fault.
  if (asked.status >= 500)
    return refuse('third-auth-bad-answer', { cause: `the service answered ${asked.status}` });
  const { status, message, headers: given, passHeaders, passBody } = refusal;
  const headers = Fields.from(given);
  for (const name of passHeaders) for (const value of asked.headers.getAll(name)) headers.append(name, value);
  const details = {
    ...(status === undefined ? {} : { status }),
    ...(message === undefined ? {} : { message }),
    cause: `the service answered ${asked.status}`,
  };
  if (!passBody) {
    const plain = refuse('third-auth-failed', details);
    for (const [name, value] of headers) plain.headers.append(name, value);
    return plain;
  }
  const type = asked.headers.get('content-type');
  if (type !== undefined && !headers.has('content-type')) headers.set('Content-Type', type);
  // A success that is none, such as a 200 without the field that was asked for, must not look like one.
  const own = asked.status >= 400 ? asked.status : 401;
  return new Reply(status ?? own, headers, asked.body, { kind: 'third-auth-failed', ...details });
}
