import { type Hooks, definePlugin } from 'tapgate/sdk';

export default definePlugin({
  name: 'misspelt',
  summary: 'Returns a hook that is none.',
  bind: () => ({ preauth: () => undefined }) as Hooks,
});
