import { type Hooks, Type, definePlugin, describeAllowed, offer } from '#sdk';
import type { Renderer } from './compile.ts';
import { CompiledResponses, compileGroups, defaultName, groupFinder } from './groups.ts';
import { Responses } from './options.ts';

export default definePlugin({
  name: 'gateway-responses',
  summary: "Gives refusals the status, header fields and body that the API's group chose.",
  config: Type.String({ minLength: 1, description: "A name under the group's `responses`." }),
  apiField: 'response',
  groupField: { name: 'responses', schema: Responses },
  offers: [CompiledResponses],
  setup(_section, kit) {
    const compiled = compileGroups(kit);
    const groupOf = groupFinder(kit.groups);
    return {
      amend: () => undefined,
      services: [offer(CompiledResponses, compiled)],
      unrouted(inbound) {
        const group = groupOf(inbound.exchange.host);
        const render = group === undefined ? undefined : compiled.ofGroup(group).get(defaultName);
        render?.(inbound, { arrival: inbound.exchange, exchange: undefined });
      },
    };
  },
  bind(name: string, kit) {
    const { group } = kit.api;
    const responses = kit.use(CompiledResponses).ofGroup(group);
    const render = responses.get(name);
    if (render !== undefined) return finishing(render);
    const hint = responses.size === 0 ? 'it has none' : describeAllowed(responses.keys(), name);
    kit.problem([], `the group "${group.name}" has no response "${name}"; ${hint}`);
    return {};
  },
  bindRest(_section, kit) {
    // Not even the group's own: its refusals leave in the gateway's form.
    if (kit.api.definition['response'] === false) return undefined;
    const render = kit.use(CompiledResponses).ofGroup(kit.api.group).get(defaultName);
    return render === undefined ? undefined : finishing(render);
  },
});

/** Not at `response`: what a handler there answers instead, or how it fails, must get its form too. */
function finishing(render: Renderer): Hooks {
  return {
    finish: (inbound) => render(inbound, { arrival: inbound.exchange, exchange: inbound.exchange }),
  };
}
