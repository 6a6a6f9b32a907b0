import { setImmediate as turn } from 'node:timers/promises';
import { type Metric, Registry } from 'prom-client';
import { bucketSeconds, histogramOf, place } from './figures.ts';
import type { ApiState, State } from './state.ts';
import type { ChannelFigures } from './surroundings.ts';

type Labels = Readonly<Record<string, string | number>>;

interface Sample {
  readonly labels: Labels;
  /** The same object for several samples: written once. */
  readonly sharedLabels?: Labels;
  readonly value: number;
  /** That of the family unless given. */
  readonly metricName?: string;
}

/** One name with all its series. */
interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly values: readonly Sample[];
}

/** The figures of all workers, and of what there is once, in the text format of Prometheus 0.0.4. */
export async function exposition(
  state: State,
  channels: readonly ChannelFigures[],
  published: number,
): Promise<string> {
  const families = [
    ...apiFamilies(state.apis),
    ...gatewayFamilies(state, published),
    ...isolateFamilies(state),
    channelFamily(channels),
  ];
  const written: string[] = [];
  for (const family of families) {
    written.push(await write(family));
    // Requests come first: with many names each of the larger families takes a while.
    await turn();
  }
  return `${written.join('\n\n')}\n`;
}

/**
 * prom-client writes what was counted elsewhere: its own `inc` and `observe` hash the labels of every call, which costs
 * forty times as much as all that is done here for a request. Its registry asks a metric for its name and values only.
 */
function write(family: Family): Promise<string> {
  const registry = new Registry();
  const metric = { name: family.name, get: () => Promise.resolve(family) };
  registry.registerMetric(metric as unknown as Metric);
  return registry.getSingleMetricAsString(family.name);
}

function apiFamilies(apis: readonly ApiState[]): Family[] {
  const each = (toSamples: (figures: readonly number[], labels: Labels) => Sample[]): Sample[] =>
    apis.flatMap(({ api, environment, figures }) => toSamples(figures, { api, environment }));
  const outcomes = [
    ['client-gone', place.clientGone],
    ['cut', place.cut],
  ] as const;
  return [
    {
      name: 'tapgate_requests_total',
      help: 'Requests, by the class of the status they were answered with; 4xx (499) when the caller went away.',
      type: 'counter',
      values: each((figures, labels) =>
        figures
          .slice(place.classes, place.classes + 5)
          .map((value, at) => ({ labels: { ...labels, class: `${at + 1}xx` }, value })),
      ).filter(({ value }) => value > 0),
    },
    {
      name: 'tapgate_unfinished_total',
      help: 'Requests whose caller went away before the answer, and answers that broke off.',
      type: 'counter',
      values: each((figures, labels) =>
        outcomes.map(([outcome, at]) => ({ labels: { ...labels, outcome }, value: figures[at] ?? 0 })),
      ).filter(({ value }) => value > 0),
    },
    bytes('tapgate_received_bytes_total', 'Bytes of content received from callers.', place.bytesReceived),
    bytes('tapgate_sent_bytes_total', 'Bytes of content sent to callers.', place.bytesSent),
    histogram(
      'tapgate_request_duration_seconds',
      'Time from the head of a request to the last byte of its answer; without WebSockets.',
      place.duration,
    ),
    histogram(
      'tapgate_backend_duration_seconds',
      "Time a backend took until its answer's head.",
      place.backend,
    ),
  ];

  function bytes(name: string, help: string, at: number): Family {
    const values = each((figures, labels) => [{ labels, value: figures[at] ?? 0 }]);
    return { name, help, type: 'counter', values: values.filter(({ value }) => value > 0) };
  }

  function histogram(name: string, help: string, at: number): Family {
    return {
      name,
      help,
      type: 'histogram',
      values: each((figures, labels) => histogramSamples(name, labels, histogramOf(figures, at))),
    };
  }
}

function histogramSamples(
  name: string,
  labels: Labels,
  { sumSeconds, cumulative, count }: ReturnType<typeof histogramOf>,
): Sample[] {
  if (count === 0) return [];
  return [
    ...cumulative.map((value, at) => ({
      labels: { le: bucketSeconds[at] ?? '+Inf' },
      sharedLabels: labels,
      value,
      metricName: `${name}_bucket`,
    })),
    { labels, value: sumSeconds, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ];
}

function gatewayFamilies({ refusals, handlers, inFlight }: State, published: number): Family[] {
  const timed = 'tapgate_plugin_duration_seconds';
  return [
    {
      name: 'tapgate_requests_in_flight',
      help: 'Requests being served, those that the gateway makes to itself included.',
      type: 'gauge',
      values: [{ labels: {}, value: inFlight }],
    },
    {
      name: 'tapgate_published_apis',
      help: 'APIs of the configuration in force, counted in each environment.',
      type: 'gauge',
      values: [{ labels: {}, value: published }],
    },
    {
      name: 'tapgate_refusals_total',
      help: 'Requests that were refused, by kind.',
      type: 'counter',
      values: Object.entries(refusals)
        .filter(([, value]) => value > 0)
        .map(([kind, value]) => ({ labels: { kind }, value })),
    },
    {
      name: timed,
      help: 'Time that handlers of plugins took, of the calls that were timed.',
      type: 'summary',
      values: handlers.flatMap(({ plugin, hook, calls, seconds }) => [
        { labels: { plugin, hook }, value: seconds, metricName: `${timed}_sum` },
        { labels: { plugin, hook }, value: calls, metricName: `${timed}_count` },
      ]),
    },
  ];
}

function isolateFamilies({ isolates }: State): Family[] {
  return [
    {
      name: 'tapgate_isolates',
      help: 'Isolates of functions; `waiting` are calls that wait for one.',
      type: 'gauge',
      values: isolates.flatMap((each) =>
        (['busy', 'idle', 'waiting'] as const).map((state) => ({
          labels: { function: each.function, state },
          value: each[state],
        })),
      ),
    },
    {
      name: 'tapgate_isolate_calls_total',
      help: 'Calls of functions that run in isolates.',
      type: 'counter',
      values: isolates.map((each) => ({ labels: { function: each.function }, value: each.calls })),
    },
    {
      name: 'tapgate_isolate_faults_total',
      help: 'Calls of functions in isolates that had no answer, by the reason.',
      type: 'counter',
      values: isolates.flatMap((each) =>
        Object.entries(each.faults).map(([fault, value]) => ({
          labels: { function: each.function, fault },
          value,
        })),
      ),
    },
  ];
}

function channelFamily(channels: readonly ChannelFigures[]): Family {
  return {
    name: 'tapgate_channel_members',
    help: 'Members of channels, by what is known of them.',
    type: 'gauge',
    values: channels.flatMap(({ channel, members }) =>
      Object.entries(members).map(([health, value]) => ({ labels: { channel, health }, value })),
    ),
  };
}
