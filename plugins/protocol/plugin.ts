import { OneOf, definePlugin, refuse } from '#sdk';

export default definePlugin({
  name: 'protocol',
  summary: 'Refuses calls over a protocol that the API is not offered over.',
  config: OneOf(['http', 'https', 'both'], { description: 'Both when absent.' }),
  apiField: 'request.protocol',
  bind(protocol) {
    if (protocol === 'both') return {};
    const refusal = refuse('protocol-not-supported', {
      message: `The following protocol is supported: ${protocol}`,
    });
    return { preAuth: ({ scheme }) => (scheme === protocol ? undefined : refusal) };
  },
});
