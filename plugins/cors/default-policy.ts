import type { Inbound } from '#sdk';

type Field = readonly [name: string, value: string];

/** What an API tells browsers that says `cors: true`. */
interface DefaultPolicy {
  /** On every answer. */
  readonly answer: readonly Field[];
  /** On the answer to a preflight. */
  readonly preflight: readonly Field[];
}

const allowOrigin: Field = ['Access-Control-Allow-Origin', '*'];

/** What `cors: true` means; the values are those of the guide, section 3.2.2. */
const defaultPolicy: DefaultPolicy = {
  answer: [allowOrigin],
  preflight: [
    allowOrigin,
    [
      'Access-Control-Allow-Headers',
      'X-Stage,X-Sdk-Date,X-Sdk-Nonce,X-Proxy-Signed-Headers,X-Sdk-Content-Sha256,X-Forwarded-For,Authorization,' +
        'Content-Type,Accept,Accept-Ranges,Cache-Control,Range',
    ],
    [
      'Access-Control-Expose-Headers',
      'X-Request-Id,X-Apig-Latency,X-Apig-Upstream-Latency,X-Apig-RateLimit-Api,X-Apig-RateLimit-User,' +
        'X-Apig-RateLimit-App,X-Apig-RateLimit-Ip,X-Apig-RateLimit-Api-Allenv',
    ],
    ['Access-Control-Allow-Methods', 'GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH'],
    ['Access-Control-Max-Age', '172800'],
  ],
};

/** Adds the fields that the backend did not set itself. */
export function applyDefault({ exchange, headers }: Inbound): void {
  const isPreflight = exchange.method === 'OPTIONS' && exchange.headers.has('access-control-request-method');
  for (const [name, value] of isPreflight ? defaultPolicy.preflight : defaultPolicy.answer) {
    if (!headers.has(name)) headers.append(name, value);
  }
}
