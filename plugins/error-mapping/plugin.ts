import { type Hooks, type Kit, definePlugin } from '#sdk';
import { ResponseReaders, reportParameters } from '#sdk/expressions';
import { errorMapping } from './alibaba.ts';
import { type MappingFields, compileErrorMapping } from './map.ts';
import { Config } from './options.ts';

const fields: MappingFields = {
  when: 'when',
  code: 'code',
  mappings: 'mappings',
  mappingWhen: 'when',
  otherwise: 'otherwise',
  message: 'message',
  headers: 'headers',
  body: 'body',
};

export default definePlugin({
  name: 'error-mapping',
  summary: 'Makes the answers of backends and of the gateway that are errors into those callers know.',
  config: Config,
  dialects: { 'alibaba/errorMapping': errorMapping },
  bind(config: Config, kit): Hooks {
    const problem: Kit['problem'] = (path, message, offset) => kit.problem(path, message, offset);
    const scope = reportParameters(config.parameters, { phase: 'response' }, ['parameters'], problem);
    const readers = new ResponseReaders(config.maxBodyBytes);
    const map = compileErrorMapping(config, { scope, resolve: readers.resolve }, fields, problem);
    return {
      response: { stage: 'map', handle: (inbound) => readers.evaluate(inbound, map) },
      describe: () => inWords(config),
    };
  },
});

function inWords({ when, code, mappings, otherwise }: Config): string[] {
  const become = (status: number | undefined): string =>
    status === undefined ? 'its status stays' : `becomes ${status}`;
  return [
    `an error: ${when}`,
    ...mappings.map((mapping) => {
      const parts = [
        mapping.code === undefined ? undefined : `$${code} is "${mapping.code}"`,
        mapping.when,
      ].filter((part) => part !== undefined);
      return `${parts.join(' and ')}: ${become(mapping.status)}`;
    }),
    otherwise === undefined ? 'other errors stay as they are' : `other errors: ${become(otherwise.status)}`,
  ];
}
