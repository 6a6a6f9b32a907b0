import { createHmac } from 'node:crypto';

/** Hex of HMAC-SHA256. */
export function sign(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}
