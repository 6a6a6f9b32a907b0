// Runs in the isolate in place of node:querystring, of which the sdk uses this.
const bytesOf = (text) =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (escaped) => Buffer.from(escaped.replaceAll('%', ''), 'hex').toString('utf8'));
export const unescape = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return bytesOf(text);
  }
};
