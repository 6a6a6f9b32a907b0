/** When a value exists: while the request is handled, once an answer is there, or at both times. */
export type ParameterPhase = 'request' | 'response' | 'both';

/** The system parameters (Alibaba Cloud, "Use parameters and conditional expressions", doc 153405). */
export const systemNames = [
  'CaClientIp',
  'CaDomain',
  'CaRequestHandleTime',
  'CaAppId',
  'CaAppKey',
  'CaRequestId',
  'CaApiName',
  'CaHttpSchema',
  'CaClientUa',
  'CaProxy',
  'CaCloudMarketInstanceId',
  'CaAppExtendInfo',
  'CaStage',
  'CaInstanceId',
  'CaSourceVpcId',
] as const;

/** The name of a system parameter. */
export type SystemName = (typeof systemNames)[number];

/** Locations that stand alone. */
export const plainLocations = ['Method', 'Path', 'StatusCode', 'ErrorCode'] as const;

/** A location that stands alone. */
export type PlainLocation = (typeof plainLocations)[number];

/** Locations that need the name of what is read there. */
export type KeyedLocation = 'Header' | 'Query' | 'Form' | 'Host' | 'Parameter' | 'Token' | 'PathVariable';

/** A location as the library reports it, whatever the letter case it was written in. */
export type Location = PlainLocation | KeyedLocation | 'BodyJsonField' | 'System' | 'XFF';

/**
 * When each location has a value. `Method` and `Path` are documented for the request only; they stay known
 * until the answer leaves, so a response-phase plug-in may read them too.
 */
export const phases: Readonly<Record<Location, ParameterPhase>> = {
  Method: 'both',
  Path: 'both',
  PathVariable: 'request',
  StatusCode: 'response',
  ErrorCode: 'response',
  Header: 'both',
  Query: 'request',
  Form: 'request',
  Host: 'request',
  Parameter: 'request',
  BodyJsonField: 'response',
  System: 'both',
  Token: 'both',
  XFF: 'request',
};

/** Every spelling that may stand before the colon, for messages; `Path:name` is a path variable. */
export const locationWords = [...Object.keys(phases).filter((word) => word !== 'PathVariable'), 'BodyJson'];

const byLowerCase = new Map<string, Location>(
  (Object.keys(phases) as Location[])
    .filter((location) => location !== 'PathVariable')
    .map((location) => [location.toLowerCase(), location]),
).set('bodyjson', 'BodyJsonField');

/** The location that `word` names in any letter case, or undefined. */
export function locationOf(word: string): Location | undefined {
  return byLowerCase.get(word.toLowerCase());
}
