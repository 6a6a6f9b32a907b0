import type { Api } from './exchange.ts';
import { type ServiceToken, defineService } from './services.ts';

/** Where a text that is logged comes from (Alibaba Cloud API Gateway, log masking). */
export type LogLocation =
  | 'REQUEST_HEADER'
  | 'REQUEST_QUERY'
  | 'REQUEST_TOKEN'
  | 'REQUEST_BODY'
  | 'RESPONSE_HEADER'
  | 'RESPONSE_BODY';

/** Makes what an API's requests and answers hold fit to be logged. */
export interface LogMask {
  /** @param name of the field, parameter or claim; empty for content */
  mask(location: LogLocation, name: string, value: string): string;
}

/** What has to be masked before it is logged. Whoever logs more than a request's line asks, for each request. */
export interface LogMasks {
  /** Undefined when nothing of this API is to be masked. */
  of(api: Api, environment: string): LogMask | undefined;
}

export const LogMasks: ServiceToken<LogMasks> = defineService<LogMasks>('log-masks');
