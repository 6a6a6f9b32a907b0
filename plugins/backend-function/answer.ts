import { Fields, Reply, perConnectionFields } from '#sdk';

/** Why an answer cannot be sent, in words for the operator that hold nothing of it. */
export type Problem = string;

/** The reply that a function's answer stands for (FunctionGraph: statusCode, headers, body, isBase64Encoded). */
export function replyOf(value: unknown): Reply | Problem {
  if (!isRecord(value)) return 'its answer is no object';
  const { statusCode, headers = {}, body, isBase64Encoded = false } = value;
  if (typeof statusCode !== 'number' || !Number.isInteger(statusCode) || statusCode < 200 || statusCode > 599)
    return '"statusCode" must be a whole number from 200 to 599';
  if (typeof body !== 'string') return '"body" must be a text';
  if (typeof isBase64Encoded !== 'boolean') return '"isBase64Encoded" must be true or false';
  if (!isRecord(headers)) return '"headers" must be a mapping';
  if (isBase64Encoded && !isBase64(body)) return '"body" is not base64';
  const fields = fieldsOf(headers);
  if (typeof fields === 'string') return fields;
  const content = isBase64Encoded ? Buffer.from(body, 'base64') : body;
  return new Reply(statusCode, fields, content.length === 0 ? null : content);
}

function fieldsOf(headers: Readonly<Record<string, unknown>>): Fields | Problem {
  const fields = new Fields();
  for (const [name, value] of Object.entries(headers)) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof each !== 'string' && typeof each !== 'number' && typeof each !== 'boolean')
        return 'a value in "headers" must be a text, or a list of them';
      try {
        fields.append(name, String(each));
      } catch {
        return 'a name or value in "headers" cannot be sent';
      }
    }
  }
  // What concerns the connection, or says how long the content is, is the gateway's to write.
  const named = fields.getAll('connection').join(',').toLowerCase().split(',');
  fields.deleteAll(new Set([...perConnectionFields, ...named.map((name) => name.trim())]));
  return fields;
}

/** In linear time: no two parts of the pattern take the same character. */
function isBase64(text: string): boolean {
  return /^[A-Za-z0-9+/\r\n]*={0,2}$/.test(text.trimEnd());
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
