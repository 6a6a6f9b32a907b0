import { type Backend, Options, Secret, Type, defineNote, definePlugin, refuse, reply } from 'tapgate/sdk';
import { sign } from './signature.ts';

const Seen = defineNote<{ readonly first: string }>('seen');

/** A third party's plugin that uses most of what a sandboxed one may. */
export default definePlugin({
  name: 'partner-gate',
  summary: 'Lets partners in that sign the content, and dresses requests and answers.',
  needs: {
    headers: ['x-partner', 'x-signature', 'cookie', 'content-type'],
    bodyBytes: 1000,
    answerHeaders: ['content-type', 'x-internal'],
    answerBodyBytes: 10_000,
  },
  config: Options({
    partners: Type.Record(Type.String({ pattern: '^[a-z]+$' }), Options({ secret: Secret() })),
    beta: Type.Array(Type.String(), { default: [] }),
    ping: Type.Union([Type.Literal('pong'), Type.Literal('ack')], { default: 'pong' }),
    greeting: Type.Optional(Type.String({ maxLength: 20 })),
  }),
  bind({ partners, beta, ping, greeting }, kit) {
    for (const name of beta)
      if (!Object.hasOwn(partners, name))
        kit.problem(['beta', beta.indexOf(name)], `found ${name}, which is no partner`);
    const newer: Backend = kit.backend({ type: 'mock', status: 200, body: '{"backend":"newer"}' }, ['beta']);
    return {
      preAuth(exchange) {
        if (exchange.path === '/ping')
          return reply(200, { 'content-type': 'text/plain' }, `${ping} ${kit.clock.now()}`);
        exchange.notes.set(Seen, { first: exchange.cookies.get('first') ?? 'nobody' });
        exchange.headers.set('x-seen-by', `${kit.binding} ${kit.api.name} ${kit.environment}`);
        exchange.headers.delete('x-signature-debug');
        return undefined;
      },
      auth: {
        stage: 'authenticate',
        async handle(exchange) {
          const name = exchange.headers.get('x-partner') ?? '';
          const known = Object.hasOwn(partners, name) ? partners[name] : undefined;
          const body = await exchange.readBody();
          if (
            known === undefined ||
            exchange.headers.get('x-signature') !== sign(known.secret, body.toString('utf8'))
          )
            return refuse('not-authenticated', {
              message: 'No such partner.',
              headers: { 'www-authenticate': 'Partner' },
            });
          exchange.identity = { type: 'partner', id: name, claims: { level: 3 } };
          return undefined;
        },
      },
      backendRouting: ({ identity }) => (beta.includes(identity?.id ?? '') ? newer : undefined),
      async backendSigning(outbound) {
        const form = await outbound.exchange.readForm();
        outbound.headers.set('x-size', String((await outbound.readBody()).length));
        outbound.headers.append('x-page', outbound.exchange.query.get('page') ?? 'none');
        outbound.headers.delete('x-signature');
        outbound.path = `/v2${outbound.path}`;
        outbound.rawQuery = 'signed=1';
        if (form.get('word') !== undefined)
          outbound.setBody(Buffer.from(`word is ${form.get('word') ?? ''}`));
        return undefined;
      },
      async response(inbound) {
        if (inbound.refusal !== undefined) {
          inbound.headers.set('x-refused', inbound.refusal.kind);
          return undefined;
        }
        if (inbound.headers.get('x-internal') !== undefined)
          return reply(502, {}, new TextEncoder().encode('hidden'));
        const { first } = inbound.exchange.notes.get(Seen) ?? { first: 'missing' };
        const text = (await inbound.readBody()).toString('utf8');
        if (greeting !== undefined && text.startsWith('{')) {
          inbound.setBody(
            JSON.stringify({ ...(JSON.parse(text) as object), greeting: `${greeting}, ${first}` }),
          );
          inbound.status = 203;
        }
        return undefined;
      },
      completed(notice) {
        kit.log.info({ status: notice.status, partner: notice.exchange?.identity?.id }, 'partner call');
      },
    };
  },
});
