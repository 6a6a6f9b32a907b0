import { type SetupKit, type Static, defineService, definePlugin, offer, perConnectionFields } from '#sdk';
import { authoritiesFault } from '#sdk/pem';
import { loadEncoder } from './encoder.ts';
import { Exporter } from './exporter.ts';
import { type TracingConfig, TracingSchema } from './options.ts';
import { Collector } from './post.ts';
import type { ResourceHolder } from './span.ts';
import { totalsOf } from './totals.ts';
import { Tracer } from './tracer.ts';

/** What concerns the connection or the framing, and what kind of message it is. */
const clientOwn: ReadonlySet<string> = new Set([
  ...perConnectionFields,
  'content-length',
  'content-type',
  'expect',
  'host',
]);

/** For the APIs of the same configuration. */
const OwnTracer = defineService<Tracer | null>('tracing');

export default definePlugin({
  name: 'tracing',
  summary: 'Follows requests through the gateway, and tells an OpenTelemetry collector of them.',
  section: { name: 'tracing', schema: TracingSchema },
  offers: [OwnTracer],
  setup(section, kit) {
    const amend = (): undefined => undefined;
    if (section === undefined) return { amend, services: [offer<Tracer | null>(OwnTracer, null)] };
    const { tracer, exporter } = start(section, kit);
    const totals = totalsOf(kit.log);
    return {
      amend,
      services: [offer<Tracer | null>(OwnTracer, tracer)],
      completed: (notice) => tracer.completed(notice),
      status: () => ({
        exported: totals.exported,
        dropped: totals.dropped,
        queued: exporter.queued,
        lastError: totals.lastError,
      }),
      dispose: () => exporter.close(),
    };
  },
  bindRest(_section: Static<typeof TracingSchema> | undefined, kit) {
    const tracer = kit.use(OwnTracer);
    if (tracer === null) return undefined;
    return {
      backendSigning: {
        stage: 'change',
        handle(outbound) {
          tracer.sign(outbound);
          return undefined;
        },
      },
      response: {
        stage: 'read',
        handle(inbound) {
          tracer.answered(inbound);
          return undefined;
        },
      },
    };
  },
});

/** Nothing is connected before there is a span to send. */
function start(
  config: TracingConfig,
  kit: SetupKit,
): { readonly tracer: Tracer; readonly exporter: Exporter } {
  for (const name of Object.keys(config.headers))
    if (clientOwn.has(name.toLowerCase()))
      kit.problem(['tracing', 'headers', name], 'this field is written by the gateway itself');
  const holder: ResourceHolder = { resource: undefined };
  const totals = totalsOf(kit.log);
  const sending = {
    collector: new Collector(config, authorities(config, kit)),
    holder,
    load: () => loadEncoder(config, totals.instance, holder),
  };
  const exporter = new Exporter(config, sending, totals, kit.log);
  return { tracer: new Tracer(config, exporter, kit.clock), exporter };
}

function authorities({ ca }: TracingConfig, kit: SetupKit): string | undefined {
  if (ca === undefined) return undefined;
  const text = kit.readText(['tracing', 'ca'], ca)?.text;
  const fault = text === undefined ? undefined : authoritiesFault(text);
  if (fault !== undefined) kit.problem(['tracing', 'ca'], `${ca} cannot be used: ${fault}`);
  return fault === undefined ? text : undefined;
}
