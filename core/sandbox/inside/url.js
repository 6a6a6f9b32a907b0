// Runs in the isolate in place of node:url.
const { URL: Url, URLSearchParams: SearchParams } = globalThis;
export { Url as URL, SearchParams as URLSearchParams };
export default { URL: Url, URLSearchParams: SearchParams };
