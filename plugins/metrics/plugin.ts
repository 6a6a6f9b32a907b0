import { Channels, Functions, Matching, Options, Type, definePlugin } from '#sdk';
import { countsOf } from './counts.ts';
import { exposition } from './exposition.ts';
import {
  type ProcessFigures,
  countedBy,
  countedFigures,
  processFigures,
  processMetrics,
  together,
} from './process-metrics.ts';
import { type State, counted, sum } from './state.ts';
import { channelFigures, isolateFigures } from './surroundings.ts';

const MetricsSchema = Options({
  path: Matching('^/[A-Za-z0-9_.~/-]+$', 'a path of letters, digits and _ . ~ / -', {
    default: '/metrics',
    description: 'Where the management listener serves it.',
  }),
  maxNames: Type.Integer({
    minimum: 0,
    maximum: 1000,
    default: 100,
    description: 'How many APIs (in each environment), channels and functions have labels of their own.',
  }),
  timedCalls: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    default: 100,
    description: 'One call in so many of each handler of a plugin is timed; 0 for none.',
  }),
  process: Type.Boolean({ default: true, description: 'Also tells of the process, its memory and Node.' }),
});

/** What one worker has to tell. */
interface Share extends State {
  readonly process: ProcessFigures;
}

/** What is left of workers that ended. */
const remains = async (shares: readonly Share[]): Promise<Share> => ({
  ...counted(sum(shares)),
  process: await countedBy(shares.map((share) => share.process)),
});

export default definePlugin({
  name: 'metrics',
  summary: 'Tells Prometheus what the gateway does.',
  section: { name: 'metrics', schema: MetricsSchema },
  setup(section, kit) {
    if (section === undefined) return {};
    const { path, maxNames, timedCalls } = section;
    // The log is one gateway's, and the same for all its configurations.
    const counts = countsOf(kit.log, kit.clock);
    const told = counts.hold(kit.published, maxNames);
    const channels = kit.find(Channels);
    const functions = kit.find(Functions);
    const shareWith = (process: ProcessFigures): Share => ({
      ...counts.state(),
      isolates: isolateFigures(functions, maxNames),
      inFlight: kit.inFlight(),
      process,
    });
    const share = async (): Promise<Share> => shareWith(section.process ? await processFigures() : []);
    const written = async (shares: readonly Share[], own?: string) => {
      const text = await exposition(sum(shares), channelFigures(channels, maxNames), kit.published.length);
      const process = own ?? (await together(shares.map((each) => each.process)).metrics());
      return {
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        body: section.process ? `${text}\n${process}` : text,
      };
    };
    return {
      amend: (change) => () => told.amend(change),
      completed(notice) {
        counts.completed(told, notice);
      },
      ...(timedCalls > 0 && {
        timing: {
          every: timedCalls,
          record: (plugin: string, hook: string, ms: number) => counts.record(plugin, hook, ms),
        },
      }),
      management: {
        path,
        async handle() {
          return written([shareWith([])], section.process ? await processMetrics().metrics() : '');
        },
        workers: {
          share,
          merge: (shares: readonly Share[]) => written(shares),
          remains,
          counted: () => shareWith(section.process ? countedFigures() : []),
        },
      },
      dispose: () => told.release(),
    };
  },
});
