const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const imf = /^[a-z]{3}, ([0-9]{2}) ([a-z]{3}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) gmt$/i;
const rfc850 = /^[a-z]{6,9}, ([0-9]{2})-([a-z]{3})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) gmt$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([0-9 ][0-9]) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4})$/i;

const yearMs = 365.25 * 86_400_000;

/**
 * Milliseconds since 1970 of a date in one of the three forms of RFC 9110 section 5.6.7; letter case is ignored. Undefined
 * for everything else: `Date.parse` would make some time or other of it.
 * @param now for years of two digits, which lie at most fifty years ahead
 */
export function readHttpDate(text: string, now: number): number | undefined {
  const modern = imf.exec(text);
  if (modern !== null) {
    const [, day, month, year, hour, minute, second] = modern;
    return time(year, month, day, hour, minute, second);
  }
  const old = rfc850.exec(text);
  if (old !== null) {
    const [, day, month, short, hour, minute, second] = old;
    const century = Math.floor(new Date(now).getUTCFullYear() / 100) * 100;
    const date = time(String(century + Number(short)), month, day, hour, minute, second);
    if (date === undefined || date <= now + 50 * yearMs) return date;
    return time(String(century - 100 + Number(short)), month, day, hour, minute, second);
  }
  const oldest = asctime.exec(text);
  if (oldest === null) return undefined;
  const [, month, day, hour, minute, second, year] = oldest;
  return time(year, month, day, hour, minute, second);
}

function time(...parts: (string | undefined)[]): number | undefined {
  const [year = '', monthName = '', ...rest] = parts;
  const month = months.indexOf(monthName.toLowerCase());
  const [day = 0, hour = 0, minute = 0, second = 0] = rest.map(Number);
  if (month < 0 || hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), month, day);
  // The 31st of February is no day.
  if (date.getUTCDate() !== day) return undefined;
  return date.setUTCHours(hour, minute, second);
}
