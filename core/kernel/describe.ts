import type { Arrival, Route } from '#sdk';
import type { Describer, Endpoint, Snapshot } from './endpoint.ts';
import { Exchange } from './exchange.ts';
import { RequestBody } from './request-body.ts';

/** What one binding says it does, a line each. */
interface Description extends Omit<Describer, 'describe'> {
  readonly lines: readonly string[];
}

/** What the bindings on a route say they do to a request that is never sent, in their order. */
export function describeBindings(
  snapshot: Snapshot,
  arrival: Arrival,
  { target, pathValues, rest }: Route,
  receivedAt: number,
): readonly Description[] {
  const exchange = new Exchange(
    {
      ...arrival,
      hasEmptyQuery: false,
      receivedAt,
      body: new RequestBody(null, undefined),
      delivery: { send: () => undefined, inform: () => undefined },
      passes: 0,
      isSelfCall: false,
    },
    snapshot,
  );
  const endpoint = target as Endpoint;
  exchange.endpoint = endpoint;
  exchange.pathValues = pathValues;
  exchange.pathRest = rest ?? '';
  return endpoint.describers.map((each) => ({ ...each, lines: linesOf(each, exchange) }));
}

/** A binding that cannot say what it does keeps none of the others from it. */
function linesOf(describer: Describer, exchange: Exchange): readonly string[] {
  try {
    return describer.describe(exchange).map(String);
  } catch {
    // Without the error: nobody looked whether its text is fit to be shown.
    return ['(the plugin failed to describe this)'];
  }
}
