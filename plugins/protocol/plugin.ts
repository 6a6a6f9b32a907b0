import { type Exchange, type Group, OneOf, Options, Type, definePlugin, refuse, reply } from '#sdk';

const Redirect = Type.Union(
  [
    Type.Boolean(),
    Options({
      port: Type.Integer({ minimum: 1, maximum: 65535, description: 'Where callers reach HTTPS.' }),
    }),
  ],
  { description: 'Whether calls over HTTP are sent to HTTPS; `true` for port 443.' },
);

export default definePlugin({
  name: 'protocol',
  summary: 'Refuses calls over a protocol that the API is not offered over, or sends them to HTTPS.',
  config: OneOf(['http', 'https', 'both'], { description: 'Both when absent.' }),
  apiField: 'request.protocol',
  groupField: { name: 'redirectToHttps', schema: Redirect },
  bind(protocol, { api }) {
    const port = protocol === 'http' ? undefined : redirectPort(api.group);
    if (port !== undefined) return { preAuth: redirectTo(port) };
    if (protocol === 'both') return {};
    const refusal = refuse('protocol-not-supported', {
      message: `The following protocol is supported: ${protocol}`,
    });
    return { preAuth: ({ scheme }) => (scheme === protocol ? undefined : refusal) };
  },
  bindRest(_section, { api }) {
    const port = redirectPort(api.group);
    return port === undefined ? undefined : { preAuth: redirectTo(port) };
  },
});

function redirectPort({ definition }: Group): number | undefined {
  const redirect = definition['redirectToHttps'] as boolean | { readonly port: number } | undefined;
  if (redirect === undefined || redirect === false) return undefined;
  return redirect === true ? 443 : redirect.port;
}

/** RFC 9110 section 15.4: 301 lets old clients turn a POST into a GET, 308 does not. */
function redirectTo(port: number) {
  const at = port === 443 ? '' : `:${port}`;
  return ({ scheme, host, method, path, rawQuery }: Exchange) => {
    if (scheme === 'https') return undefined;
    // Without a name there is nowhere to send the caller to.
    if (host === '')
      return refuse('protocol-not-supported', { message: 'The following protocol is supported: https' });
    const location = `https://${host}${at}${path}${rawQuery === '' ? '' : `?${rawQuery}`}`;
    return reply(method === 'GET' || method === 'HEAD' ? 301 : 308, { location });
  };
}
