import { refuse } from './expression-error.ts';
import { parseJsonPath, type JsonPath } from './json-path.ts';
import { locationOf, locationWords, phases, plainLocations, systemNames } from './locations.ts';
import type { KeyedLocation, Location, ParameterPhase, PlainLocation, SystemName } from './locations.ts';
import { didYouMean, nearest } from './nearest.ts';

/** What is common to all parameters. */
interface Named {
  /** The name that expressions use, without `$`. */
  readonly name: string;
  /** When the location has a value. */
  readonly phase: ParameterPhase;
}

/**
 * A name with the place its value comes from; switch on `location` to make a reader of it.
 * `PathVariable` is `Path:name`; `BuiltIn` is a name that the plug-in itself offers; an `XFF` index counts
 * from 0, a negative one from the end.
 */
export type Parameter =
  | (Named & { readonly location: PlainLocation })
  | (Named & { readonly location: KeyedLocation | 'BuiltIn'; readonly key: string })
  | (Named & { readonly location: 'System'; readonly key: SystemName })
  | (Named & { readonly location: 'BodyJsonField'; readonly key: string; readonly path: JsonPath })
  | (Named & { readonly location: 'XFF'; readonly index: number });

/** A header's field-name is a token (RFC 9110, 5.1 and 5.6.2). */
const fieldName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const variableName = /^[A-Za-z0-9_-]+$/;
const integer = /^(?:0|-?[1-9][0-9]{0,5})$/;

/**
 * Parses one declared value, `Location` or `Location:Name`. Throws an {@link ExpressionError} with an offset
 * into `value` for an unknown location, a missing, superfluous or impossible name, or a location without a
 * value in `phase`.
 */
export function parseDeclaration(name: string, value: string, phase: 'request' | 'response'): Parameter {
  const colon = value.indexOf(':');
  const word = colon < 0 ? value : value.slice(0, colon);
  const written = locationOf(word) ?? unknownLocation(word);
  const location = written === 'Path' && colon >= 0 ? 'PathVariable' : written;
  const offset = colon < 0 ? value.length : colon + 1;
  const existsIn = phases[location];
  if (existsIn !== 'both' && existsIn !== phase) {
    refuse(`${value} exists only in the ${existsIn} phase, and this plug-in runs in the ${phase} phase`, 0);
  }
  return withKey({ name, phase: existsIn }, location, colon < 0 ? undefined : value.slice(offset), offset);
}

function withKey(named: Named, location: Location, text: string | undefined, offset: number): Parameter {
  if (isPlain(location)) {
    if (text !== undefined) refuse(`${location} takes no name`, offset - 1);
    return { ...named, location };
  }
  const key = keyOf(location, text, offset);
  if (location === 'System') return { ...named, location, key: systemName(key, offset) };
  if (location === 'BodyJsonField') return { ...named, location, key, path: parseJsonPath(key, offset) };
  if (location === 'XFF') return { ...named, location, index: indexOf(key, offset) };
  return { ...named, location, key: checkedKey(location, key, offset) };
}

function isPlain(location: Location): location is PlainLocation {
  return (plainLocations as readonly Location[]).includes(location);
}

/** The text after the colon. A name that can never match would silently open a gate, so it is refused. */
function keyOf(location: Location, text: string | undefined, offset: number): string {
  const examples: Partial<Record<Location, string>> = {
    XFF: '-1',
    BodyJsonField: '$.code',
    System: 'CaAppId',
  };
  if (text === undefined || text.trim() === '') {
    return refuse(`${location} needs a name: ${location}:${examples[location] ?? 'name'}`, offset);
  }
  if (text !== text.trim()) refuse('no white space is allowed around the name', offset);
  return text;
}

function checkedKey(location: KeyedLocation, key: string, offset: number): string {
  if (location === 'Header' && !fieldName.test(key)) {
    refuse(`${JSON.stringify(key)} is no header name (a token of RFC 9110)`, offset);
  }
  if ((location === 'PathVariable' || location === 'Host') && !variableName.test(key)) {
    refuse(
      `${JSON.stringify(key)} is no variable name: letters, digits, "_" and "-", without braces`,
      offset,
    );
  }
  return key;
}

function systemName(key: string, offset: number): SystemName {
  const known = systemNames.find((candidate) => candidate === key);
  if (known !== undefined) return known;
  const suggestions = nearest(key, systemNames);
  const question = didYouMean(suggestions);
  return refuse(
    `unknown system parameter ${JSON.stringify(key)}${question || ':'} allowed are ${systemNames.join(', ')}`,
    offset,
    suggestions,
  );
}

function indexOf(key: string, offset: number): number {
  if (!integer.test(key)) {
    refuse(
      `XFF needs an integer, 0 for the first and -1 for the last address, and ${JSON.stringify(key)} is none`,
      offset,
    );
  }
  return Number(key);
}

function unknownLocation(word: string): never {
  const suggestions = nearest(word, locationWords);
  const question = didYouMean(suggestions);
  return refuse(
    `unknown location ${JSON.stringify(word)}${question || ':'} allowed are ${locationWords.join(', ')}`,
    0,
    suggestions,
  );
}
