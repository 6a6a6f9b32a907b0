import {
  type Exchange,
  Fields,
  type Inbound,
  type Outbound,
  type RefusalKind,
  Reply,
  perConnectionFields,
  refusalKinds,
} from '#sdk';
import type { Answered, Changes, Content, FieldChange } from './shapes.ts';

/** Fields that are the gateway's to write: they frame the message, or tell how often it came by. */
const reserved = new Set([...perConnectionFields, 'via', 'x-request-id']);
const maxFieldBytes = 64 * 1024;

/** Carries out a change that was found sound. */
export type Carry = () => void;

/**
 * Checks what a plugin wants changed of an exchange, and answers what carries it out: all of it or nothing.
 * @throws Error when the plugin may not do that
 */
export function changesOfExchange(exchange: Exchange, changes: Changes, mayIdentify: boolean): Carry {
  const fields = changedFields(exchange.headers, changes.exchange);
  const { identity } = changes;
  if (identity !== undefined && !mayIdentify)
    throw new Error('it set an identity, which only a handler of auth at the stage authenticate may do');
  return () => {
    fields();
    if (identity !== undefined) exchange.identity = identity;
  };
}

/** As above, for the request that goes to the backend; where it goes is not a plugin's to change. */
export function changesOfOutbound(outbound: Outbound, changes: Changes): Carry {
  for (const key of ['origin', 'host'] as const)
    if (changes[key] !== undefined)
      throw new Error(`it changed the ${key} of the backend, which a sandboxed plugin may not`);
  const { method, path, rawQuery, body } = changes;
  const fields = changedFields(outbound.headers, changes.headers);
  const content = body === undefined ? undefined : bytesOf(body);
  return () => {
    fields();
    if (method !== undefined) outbound.method = method;
    if (path !== undefined) outbound.path = path;
    if (rawQuery !== undefined) outbound.rawQuery = rawQuery;
    if (content !== undefined) outbound.setBody(typeof content === 'string' ? Buffer.from(content) : content);
  };
}

/** As above, for the answer. */
export function changesOfInbound(inbound: Inbound, { headers, status, body }: Changes): Carry {
  const fields = changedFields(inbound.headers, headers);
  const content = body === undefined ? undefined : bytesOf(body);
  return () => {
    fields();
    if (status !== undefined) inbound.status = status;
    if (content !== undefined) inbound.setBody(content);
  };
}

/** @throws Error when it is nothing that can be sent */
export function replyOf({ status, headers, body, refusal }: Answered): Reply {
  if (headers.length % 2 !== 0) throw new Error('the fields of its answer are no pairs');
  const fields = new Fields();
  for (let index = 0; index < headers.length; index += 2) append(fields, headers[index], headers[index + 1]);
  checkSize(headers);
  if (refusal === undefined) return new Reply(status, fields, bytesOf(body));
  if (!Object.hasOwn(refusalKinds, refusal.kind)) throw new Error('it refused with a kind that there is not');
  const { kind, message, cause, status: chosen } = refusal;
  return new Reply(status, fields, bytesOf(body), {
    kind: kind as RefusalKind,
    ...(message === undefined ? {} : { message }),
    ...(cause === undefined ? {} : { cause }),
    ...(chosen === undefined ? {} : { status: chosen }),
  });
}

/** Works on a copy: what is wrong with the last change must not leave the first. */
function changedFields(fields: Fields, changes: readonly FieldChange[]): Carry {
  if (changes.length === 0) return () => undefined;
  checkSize(changes.flat());
  const copy = fields.clone();
  for (const [action, name = '', value] of changes) {
    if (action === 'append') append(copy, name, value);
    else if (action === 'set' && value !== undefined) copy.set(allowed(name), value);
    else if (action === 'delete') copy.delete(allowed(name));
    else throw new Error('it changed a field in a way that there is not');
  }
  return () => {
    fields.flat = copy.flat;
  };
}

function append(fields: Fields, name: string | undefined, value: string | undefined): void {
  if (name === undefined || value === undefined) throw new Error('a field lacks its name or its value');
  fields.append(allowed(name), value);
}

function allowed(name: string): string {
  if (reserved.has(name.toLowerCase()))
    throw new Error(`it wrote the field "${name}", which is the gateway's to write`);
  return name;
}

function checkSize(texts: readonly string[]): void {
  if (texts.reduce((sum, text) => sum + text.length, 0) > maxFieldBytes)
    throw new Error('its header fields are too large');
}

function bytesOf(content: Content): string | Buffer | null {
  if (content === null) return null;
  return 'text' in content ? content.text : Buffer.from(content.base64, 'base64');
}
