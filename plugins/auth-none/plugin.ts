import { definePlugin } from '#sdk';

export default definePlugin({
  name: 'auth-none',
  summary: 'Lets everybody call an API; says so explicitly, because an API without `auth` is refused.',
  bind() {
    return {};
  },
});
