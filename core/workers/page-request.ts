import { type ManagementRequest, Params } from '#sdk';
import type { PageRequest } from './messages.ts';

/** What a request for a page is on its way to another process. */
export function toWire(path: string, { method, query, body }: ManagementRequest): PageRequest {
  const pairs = Array.from(query, (pair) => pair.map(encodeURIComponent).join('='));
  return { path, method, query: pairs.join('&'), body };
}

export function fromWire({ method, query, body }: PageRequest): ManagementRequest {
  return { method, query: Params.parse(query), body };
}
