import { type Hooks, LogMasks, definePlugin } from '#sdk';
import { noteRequest, noteResponse, noteStatus, noteUpstream, responseFields } from './capture.ts';
import { fromHuawei } from './huawei.ts';
import { compileLine } from './line.ts';
import { Config } from './options.ts';
import { type Lease, emptyAll, leaseOutbox, states } from './outboxes.ts';

const places = ['file', 'http', 'syslog', 'kafka'] as const;

export default definePlugin({
  name: 'log-sink',
  summary: 'Sends a line for each request to a file, an HTTP server, syslog or Kafka.',
  config: Config,
  dialects: { 'huawei/kafka_log': fromHuawei },
  // Two of them write to two places; one place twice would be each line twice.
  kind: (config: Config) => `log-sink ${JSON.stringify(places.map((place) => config[place]))}`,
  setup: () => ({
    status: states,
    stop: () => emptyAll(),
  }),
  bind(config: Config, kit): Hooks {
    const given = places.filter((place) => config[place] !== undefined);
    if (given.length !== 1) {
      const found = given.length === 0 ? 'none' : given.join(' and ');
      kit.problem([], `found ${found} of ${places.join(', ')}; one of them must have been given`);
    }
    const tell = compileLine(config, kit.find(LogMasks));
    let lease: Lease | undefined;
    return {
      ...captures(config),
      completed(notice) {
        // With the first line, so that a configuration that is only checked opens nothing.
        lease ??= leaseOutbox(config, kit.log);
        lease.add(tell(notice));
      },
      describe: () => [`tells ${config.fields.length} fields to ${given.join(', ')}`],
      dispose: () => lease?.release(),
    };
  },
});

/** Only what is asked for is looked at on the way. */
function captures({ fields, include }: Config): Hooks {
  const isUpstream = fields.some((name) => name.startsWith('upstream_'));
  const hooks: Hooks = {};
  if (isUpstream) hooks.backendSigning = { stage: 'sign', handle: noteUpstream };
  if (include.requestBody) hooks.auth = { stage: 'serve', handle: noteRequest };
  if (isUpstream || include.responseBody)
    hooks.response = {
      stage: include.responseBody ? 'change' : 'read',
      handle(inbound) {
        if (isUpstream) noteStatus(inbound);
        return include.responseBody ? noteResponse(inbound).then(() => undefined) : undefined;
      },
    };
  if (include.responseHeaders.length > 0)
    hooks.finish = ({ exchange, headers }) => exchange.notes.set(responseFields, headers.flat.slice());
  return hooks;
}
