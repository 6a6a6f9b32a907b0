import { Options, Type, definePlugin } from 'tapgate/sdk';

export default definePlugin({
  name: 'fine',
  summary: 'Does nothing.',
  config: Options({ word: Type.String() }),
  bind: () => ({}),
});
