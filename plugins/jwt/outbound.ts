import { type NoteKey, type Outbound, type Reply, defineNote, deleteLike, refuse, variableName } from '#sdk';
import { fault } from './fault.ts';
import type { ClaimRule } from './options.ts';
import { withPairs, withoutCookie } from './pairs.ts';
import { textOf } from './policy.ts';
import type { TokenPlace } from './token-source.ts';
import type { Verified } from './verifier.ts';

/** A request's token, verified; absent when it had none. */
export const tokenNote: NoteKey<{ readonly token: string; readonly verified: Verified }> = defineNote('jwt');

export interface OutboundPlan {
  readonly place: TokenPlace;
  readonly forwardToken: boolean;
  readonly claims: readonly ClaimRule[];
  readonly payloadHeader: string | undefined;
}

type Step = (outbound: Outbound, values: Values) => Reply | undefined | Promise<Reply | undefined>;

/** What goes where in this request. */
interface Values {
  of(rule: ClaimRule): string | undefined;
  readonly payload: string | undefined;
}

/**
 * Compiles what is done to the backend's request: the token goes, claims come. What the caller sent in their places goes in
 * any case, so that a backend can trust them. Undefined when there is nothing to do.
 */
export function compileOutbound(
  plan: OutboundPlan,
): ((outbound: Outbound) => Reply | undefined | Promise<Reply | undefined>) | undefined {
  const steps = [...headerSteps(plan), ...querySteps(plan), ...pathSteps(plan), ...formSteps(plan)];
  if (steps.length === 0) return undefined;
  return (outbound) => run(steps, outbound, valuesOf(outbound), 0);
}

function run(
  steps: readonly Step[],
  outbound: Outbound,
  values: Values,
  from: number,
): Reply | undefined | Promise<Reply | undefined> {
  for (let index = from; index < steps.length; index += 1) {
    const answer = steps[index]?.(outbound, values);
    if (answer instanceof Promise)
      return answer.then((reply) => reply ?? run(steps, outbound, values, index + 1));
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function valuesOf({ exchange }: Outbound): Values {
  const kept = exchange.notes.get(tokenNote);
  const claims = kept?.verified.claims ?? {};
  return {
    of: ({ claim }) => (Object.hasOwn(claims, claim) ? textOf(claims[claim]) : undefined),
    payload: kept?.token.split('.', 2)[1],
  };
}

function headerSteps({ place, forwardToken, claims, payloadHeader }: OutboundPlan): Step[] {
  const steps: Step[] = [];
  const { name } = place;
  const lower = name.toLowerCase();
  if (!forwardToken && place.in === 'header')
    steps.push(({ headers }) => {
      headers.delete(name);
      return undefined;
    });
  if (!forwardToken && place.in === 'cookie') steps.push((outbound) => dropCookie(outbound, lower));
  for (const rule of claims.filter((each) => each.in === 'header')) {
    const replaced = new Set([variableName(rule.name)]);
    steps.push(({ headers }, values) => {
      const value = values.of(rule);
      if (!rule.append) deleteLike(headers, replaced);
      if (value === undefined) return undefined;
      // What its issuer put there may be anything.
      if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value))
        return fault('the token is not accepted', {
          cause: `the claim "${rule.claim}" can stand in no header`,
        });
      headers.append(rule.name, Buffer.from(value, 'utf8').toString('latin1'));
      return undefined;
    });
  }
  if (payloadHeader !== undefined) {
    const replaced = new Set([variableName(payloadHeader)]);
    steps.push(({ headers }, { payload }) => {
      deleteLike(headers, replaced);
      if (payload !== undefined) headers.append(payloadHeader, payload);
      return undefined;
    });
  }
  return steps;
}

function dropCookie({ headers }: Outbound, lower: string): undefined {
  const kept = headers.getAll('cookie').map((field) => withoutCookie(field, lower));
  headers.delete('cookie');
  for (const field of kept) if (field !== '') headers.append('Cookie', field);
  return undefined;
}

function querySteps({ place, forwardToken, claims }: OutboundPlan): Step[] {
  const rules = claims.filter((each) => each.in === 'query');
  const dropped = new Set(rules.map(({ name }) => name.toLowerCase()));
  if (!forwardToken && place.in === 'query') dropped.add(place.name.toLowerCase());
  if (dropped.size === 0) return [];
  return [
    (outbound, values) => {
      outbound.rawQuery = withPairs(outbound.rawQuery, dropped, pairsOf(rules, values));
      return undefined;
    },
  ];
}

function pairsOf(rules: readonly ClaimRule[], values: Values): (readonly [string, string])[] {
  return rules.flatMap((rule) => {
    const value = values.of(rule);
    return value === undefined ? [] : [[rule.name, value] as const];
  });
}

function pathSteps({ claims }: OutboundPlan): Step[] {
  return claims
    .filter((each) => each.in === 'path')
    .map((rule) => (outbound, values) => {
      const place = `[${rule.name}]`;
      if (!outbound.path.includes(place)) return undefined;
      const value = values.of(rule);
      if (value === undefined || value === '')
        return refuse('bad-parameters', {
          message: `API request error: the backend path needs the claim "${rule.claim}".`,
        });
      const path = outbound.path.replaceAll(place, () => encodeURIComponent(value.toWellFormed()));
      if (/\/\.{1,2}(?:\/|$)/.test(path))
        return fault('the token is not accepted', {
          cause: `the claim "${rule.claim}" makes a . or .. segment`,
        });
      outbound.path = path;
      return undefined;
    });
}

function formSteps({ place, forwardToken, claims }: OutboundPlan): Step[] {
  const rules = claims.filter((each) => each.in === 'form');
  const dropped = new Set(rules.map(({ name }) => name.toLowerCase()));
  if (!forwardToken && place.in === 'form') dropped.add(place.name.toLowerCase());
  if (dropped.size === 0) return [];
  return [
    async (outbound, values) => {
      const { headers } = outbound;
      const type = headers.combined('content-type')?.trim() ?? '';
      // Of these a backend may read fields, of which nobody has made sure that they are the token's.
      if (rules.length > 0 && isOpaqueForm(type, headers.combined('content-encoding')))
        return refuse('media-type-not-supported', {
          message: 'The content must be application/x-www-form-urlencoded, without a coding.',
        });
      // A form is read by its type, by backends as by `readForm`.
      if (!urlencoded.test(type)) return undefined;
      const form = (await outbound.readBody()).toString('latin1');
      outbound.setBody(Buffer.from(withPairs(form, dropped, pairsOf(rules, values)), 'latin1'));
      return undefined;
    },
  ];
}

const urlencoded = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** Whether content may be a form to somebody, but not one that fields can be put into. */
function isOpaqueForm(type: string, coding = 'identity'): boolean {
  if (urlencoded.test(type) && !type.includes(',')) return coding.toLowerCase() !== 'identity';
  return /multipart\/form-data|application\/x-www-form-urlencoded/i.test(type);
}
