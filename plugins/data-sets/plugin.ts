import { DataSets, type Static, definePlugin, offer } from '#sdk';
import { DataSetsSchema } from './options.ts';
import { answerPage, summaryOf } from './page.ts';
import { readDataSet } from './read.ts';

export default definePlugin({
  name: 'data-sets',
  summary:
    'Keeps lists that several plugins refer to: addresses, values, users, each item with an expiry if it has one.',
  section: { name: 'dataSets', schema: DataSetsSchema },
  offers: [DataSets],
  setup(section: Static<typeof DataSetsSchema> | undefined, kit) {
    const sets = new Map(
      Object.entries(section ?? {}).map(([name, config]) => [name, readDataSet(name, config, kit)]),
    );
    return {
      amend: () => undefined,
      services: [offer(DataSets, { names: [...sets.keys()], byName: (name) => sets.get(name) })],
      status: () => [...sets.values()].map(summaryOf),
      ...(section !== undefined && {
        management: { path: '/data-sets', isOptional: true, handle: (request) => answerPage(sets, request) },
      }),
    };
  },
});
