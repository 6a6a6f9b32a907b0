import type { LogLocation, LogMask } from '#sdk';
import type { Rule } from './options.ts';

type Hide = (text: string) => string;

/** Compiles rules; a name is looked up, not searched for. */
export function compileMask(rules: readonly Rule[]): LogMask {
  const named = new Map<string, Hide[]>();
  const contents = new Map<LogLocation, Hide[]>();
  for (const { location, parameters = [], matchMode, policy } of rules) {
    const hide = compilePolicy(policy);
    if (isContent(location)) add(contents, location, inContent(matchMode, hide));
    else for (const name of parameters) add(named, keyOf(location, name), hide);
  }
  return {
    mask(location, name, value) {
      const all = isContent(location) ? contents.get(location) : named.get(keyOf(location, name));
      return all === undefined ? value : all.reduce((text, hide) => hide(text), value);
    },
  };
}

export function isContent(location: LogLocation): boolean {
  return location === 'REQUEST_BODY' || location === 'RESPONSE_BODY';
}

function add<Key>(map: Map<Key, Hide[]>, key: Key, hide: Hide): void {
  const there = map.get(key);
  if (there === undefined) map.set(key, [hide]);
  else there.push(hide);
}

/** Names of fields have no letter case (RFC 9110 section 5.1); those of parameters and claims have. */
function keyOf(location: LogLocation, name: string): string {
  return `${location} ${location.endsWith('HEADER') ? name.toLowerCase() : name}`;
}

function compilePolicy(policy: string): Hide {
  const [, kept = 'ALL', first = '0', second = '0'] = /^([A-Z_]+)(?::(\d+)(?:,(\d+))?)?$/.exec(policy) ?? [];
  const count = Number(first);
  // By characters, as people count them: half of one would be no text.
  switch (kept) {
    case 'KEEP_LEFT':
      return (text) => keep(text, () => 0, count);
    case 'KEEP_RIGHT':
      return (text) => keep(text, (length) => Math.max(0, length - count), count);
    case 'KEEP_CENTER':
      return (text) => keep(text, () => count, Number(second));
    default:
      return (text) => keep(text, () => 0, 0);
  }
}

function keep(text: string, from: (length: number) => number, count: number): string {
  const characters = Array.from(text);
  const start = from(characters.length);
  return characters.map((each, index) => (index >= start && index < start + count ? each : '*')).join('');
}

/** In content each match is hidden by itself; without a mode all of it is. */
function inContent(mode: string | undefined, hide: Hide): Hide {
  if (mode === undefined) return hide;
  const pattern = patternOf(mode);
  return (text) => text.replaceAll(pattern, hide);
}

/** Longer runs too: what is asked to be hidden may stand beside more of its kind. All of these take linear time. */
function patternOf(mode: string): RegExp {
  const [kind = 'EMAIL', least = '1'] = mode.split(':');
  switch (kind) {
    case 'D':
      return new RegExp(`[0-9]{${least},}`, 'g');
    case 'HEX':
      return new RegExp(`[0-9A-Fa-f]{${least},}`, 'g');
    case 'C':
      return new RegExp(`[\\p{L}\\p{N}]{${least},}`, 'gu');
    default:
      return /[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}/g;
  }
}
