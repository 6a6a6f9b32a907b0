import { Options, definePlugin } from '#sdk';
import { applyPolicy, defaultPolicy } from './policy.ts';

export default definePlugin({
  name: 'cors',
  summary: 'Lets web pages of other origins call an API and read its answers.',
  config: Options({}),
  apiField: 'cors',
  bind() {
    return {
      // Refusals of the gateway too: a page that may not read them cannot say what went wrong.
      response(inbound) {
        applyPolicy(defaultPolicy, inbound);
        return undefined;
      },
    };
  },
});
