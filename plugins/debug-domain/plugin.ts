import { type Limit, type Reply, type SetupKit, type Taken, Options, Type, definePlugin, refuse } from '#sdk';

const dayMs = 86_400_000;

const Section = Options({
  callsPerDay: Type.Integer({
    minimum: 1,
    maximum: 2_147_483_647,
    default: 1000,
    description: "Calls a day, counted from midnight UTC, of each group's `subdomain`.",
  }),
});

export default definePlugin({
  name: 'debug-domain',
  summary: "Lets a group's debug subdomain be called a thousand times a day.",
  section: { name: 'debugDomain', schema: Section },
  setup(_section, kit) {
    checkSubdomains(kit);
    return {};
  },
  bindRest(section, kit) {
    const subdomain = subdomainOf(kit.api.group);
    if (subdomain === undefined) return undefined;
    const limits: readonly Limit[] = [
      { key: subdomain, limit: section?.callsPerDay ?? 1000, periodMs: dayMs },
    ];
    return {
      preAuth({ host }) {
        if (host !== subdomain) return undefined;
        const taken = kit.counters.take(limits, subdomain);
        return 'then' in taken ? taken.then(settle) : settle(taken);
      },
    };

    function settle({ refusedBy, resetMs }: Taken): Reply | undefined {
      if (refusedBy < 0) return undefined;
      return refuse('throttled', {
        message: `The throttling threshold has been reached: policy domain over ratelimit,limit:${limits[0]?.limit},time:1 day`,
        headers: { 'Retry-After': String(Math.ceil((resetMs[0] ?? 0) / 1000)) },
        cause: 'over the limit of the debug subdomain',
      });
    }
  },
});

function subdomainOf({
  definition,
}: {
  readonly definition: Readonly<Record<string, unknown>>;
}): string | undefined {
  const { subdomain } = definition;
  return typeof subdomain === 'string' ? subdomain.toLowerCase() : undefined;
}

function checkSubdomains(kit: SetupKit): void {
  for (const group of kit.groups) {
    const subdomain = subdomainOf(group);
    if (subdomain?.startsWith('*') !== true) continue;
    kit.problem(
      ['groups', group.name, 'subdomain'],
      `found "${subdomain}"; allowed: one host name, without \`*\``,
    );
  }
}
