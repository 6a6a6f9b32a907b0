import { Options, type Static, Type, definePlugin, reply } from '#sdk';

const Config = Options({
  status: Type.Integer({ minimum: 200, maximum: 599, default: 200 }),
  headers: Type.Record(Type.String({ minLength: 1 }), Type.String(), { default: {} }),
  body: Type.String({ default: '', description: 'Sent as it is.' }),
});

export default definePlugin({
  name: 'backend-mock',
  summary: 'Answers by itself, with a fixed status, fields and body.',
  config: Config,
  bind({ status, headers, body }: Static<typeof Config>, kit) {
    const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
    const type =
      hasType || body === '' ? {} : { 'content-type': isJson(body) ? 'application/json' : 'text/plain' };
    try {
      const answer = reply(status, { ...type, ...headers }, body);
      return { backend: { isMock: true, invoke: () => answer } };
    } catch (error) {
      kit.problem(['headers'], error instanceof Error ? error.message : 'a field cannot be sent');
      return {};
    }
  },
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
