import { type Hooks, type Kit, definePlugin } from '#sdk';
import { transformer } from './alibaba.ts';
import { setRespHeaders } from './huawei.ts';
import { Config } from './options.ts';
import { compileRequest, reportRequest } from './request.ts';
import { compileResponse, reportResponse } from './response.ts';

export default definePlugin({
  name: 'transformer',
  summary: 'Changes fields of requests to backends, and status and fields of answers.',
  config: Config,
  dialects: { 'alibaba/transformer': transformer, 'huawei/set_resp_headers': setRespHeaders },
  // An API may have one that changes requests and one that changes answers.
  kind: ({ request }) => (request.length > 0 ? 'a transformer of requests' : 'a transformer of answers'),
  bind(config: Config, kit): Hooks {
    const problem: Kit['problem'] = (path, message) => kit.problem(path, message);
    reportRequest(config.request, problem);
    reportResponse(config.response, problem);
    const onRequest = compileRequest(config.request);
    const onResponse = compileResponse(config);
    return {
      // Behind the mapping of parameters, which `prepare` of the backend does, and before anybody signs.
      ...(onRequest && { backendSigning: { stage: 'change', handle: onRequest } }),
      ...(onResponse && { response: { stage: 'change', handle: onResponse } }),
      describe: () => inWords(config),
    };
  },
});

function inWords({ request, response, status }: Config): string[] {
  return [
    ...request.map(({ action, in: place, name }) => `request: ${action} ${place} ${name}`),
    ...(status === undefined ? [] : [`answer: status ${status}`]),
    ...response.map(({ action, name }) => `answer: ${action} header ${name}`),
  ];
}
