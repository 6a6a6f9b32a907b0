import { type Outbound, eventBody, functionEvent } from '#sdk';

/**
 * What a function gets: the event of FunctionGraph's APIG trigger.
 * @param isText whether the body goes as it is instead of in base64
 */
export function eventOf(outbound: Outbound, body: Buffer, isText: boolean): Record<string, unknown> {
  return { ...eventBody(body, isText), ...functionEvent(outbound.exchange, outbound, outbound.host) };
}
