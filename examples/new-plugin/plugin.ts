import { Options, Type, definePlugin, refuse } from 'tapgate/sdk';

export default definePlugin({
  name: 'new-plugin',
  summary: 'Refuses requests without a header field, and marks the answers to all others.',
  // The only declaration of an option: its check, its default, its type and its line in `tapgate plugins`.
  config: Options({
    required: Type.String({
      minLength: 1,
      default: 'x-caller',
      description: 'Field that a request must have.',
    }),
    mark: Type.String({ default: 'seen', description: 'What answers say in the field X-Mark.' }),
  }),
  // Once for each API and environment, when the configuration is loaded.
  bind({ required, mark }, kit) {
    if (required.toLowerCase() === 'host') kit.problem(['required'], 'every request has Host; name another');
    return {
      // A Reply ends the request; undefined lets it go on.
      preAuth(exchange) {
        if (exchange.headers.get(required) !== undefined) return undefined;
        return refuse('access-denied', { message: `The field ${required} is missing.` });
      },
      // For every answer, refusals too.
      response(inbound) {
        inbound.headers.set('X-Mark', mark);
        return undefined;
      },
    };
  },
});
