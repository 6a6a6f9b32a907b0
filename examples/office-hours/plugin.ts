import { OneOf, Options, Type, definePlugin, refuse } from 'tapgate/sdk';

/** Refuses calls outside office hours, and greets those inside. */
export default definePlugin({
  name: 'office-hours',
  summary: 'Refuses calls outside office hours (UTC).',
  config: Options({
    opens: Type.Integer({ minimum: 0, maximum: 23, default: 9, description: 'First hour.' }),
    closes: Type.Integer({ minimum: 1, maximum: 24, default: 17, description: 'Hour after the last.' }),
    greeting: OneOf(['none', 'header'], { default: 'header' }),
  }),
  bind({ opens, closes, greeting }, kit) {
    if (closes <= opens) kit.problem(['closes'], `found ${closes}; it must be after ${opens}`);
    return {
      preAuth() {
        const hour = new Date(kit.clock.now()).getUTCHours();
        if (hour >= opens && hour < closes) return undefined;
        return refuse('access-denied', { message: 'Closed.', headers: { 'retry-after': '3600' } });
      },
      response(inbound) {
        if (greeting === 'header') inbound.headers.set('x-office', `open until ${closes}:00 UTC`);
        return undefined;
      },
    };
  },
});
