import { createHash, createHmac } from 'node:crypto';

export interface Credentials {
  readonly key: string;
  readonly secret: string;
}

/** An Alibaba client signature of a GET without a query. No nonce: the same request is sent all the time. */
export function signAlibaba({ key, secret }: Credentials, path: string): Record<string, string> {
  const accept = 'application/json';
  const signed = { 'X-Ca-Key': key, 'X-Ca-Timestamp': String(Date.now()) };
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}`);
  const text = ['GET', accept, '', '', '', ...lines, path].join('\n');
  return {
    Accept: accept,
    ...signed,
    'X-Ca-Signature-Headers': Object.keys(signed).join(','),
    'X-Ca-Signature': createHmac('sha256', secret).update(text).digest('base64'),
  };
}

/** A Huawei signature (of an app, or with an access key) of a GET without a query, or of a POST of that content. */
export function signHuawei(
  { key, secret }: Credentials,
  host: string,
  path: string,
  content?: string,
): Record<string, string> {
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
  const lines = [`host:${host}`, `x-sdk-date:${date}`, ''];
  const method = content === undefined ? 'GET' : 'POST';
  const canonical = [method, `${path}/`, '', ...lines, 'host;x-sdk-date', hashOf(content ?? '')].join('\n');
  const toSign = ['SDK-HMAC-SHA256', date, hashOf(canonical)].join('\n');
  const signature = createHmac('sha256', secret).update(toSign).digest('hex');
  return {
    'X-Sdk-Date': date,
    Authorization: `SDK-HMAC-SHA256 Access=${key}, SignedHeaders=host;x-sdk-date, Signature=${signature}`,
  };
}
