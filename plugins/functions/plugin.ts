import {
  Functions,
  type GatewayFunction,
  type IsolatesState,
  type SetupKit,
  type Static,
  definePlugin,
  offer,
} from '#sdk';
import { LocalFunction, readProgram } from './local.ts';
import { type FunctionOptions, FunctionsSchema, engineOf } from './options.ts';
import { RemoteFunction } from './remote.ts';

export default definePlugin({
  name: 'functions',
  summary: "Runs the configuration's functions, in isolates or on a remote engine, for others to call.",
  section: { name: 'functions', schema: FunctionsSchema },
  offers: [Functions],
  setup(section: Static<typeof FunctionsSchema> | undefined, kit) {
    const functions = new Map<string, Releasable>();
    for (const [name, options] of Object.entries(section ?? {})) {
      const made = functionOf(name, options, kit);
      if (made !== undefined) functions.set(name, made);
    }
    const names = Object.keys(section ?? {});
    const isolates = (): IsolatesState[] =>
      [...functions.values()].flatMap((each) => (each instanceof LocalFunction ? [each.isolates()] : []));
    return {
      amend: () => undefined,
      services: [offer(Functions, { names, byName: (name) => functions.get(name), isolates })],
      status: isolates,
      activate() {
        for (const each of functions.values()) each.activate?.();
      },
      dispose() {
        for (const each of functions.values()) each.release();
      },
    };
  },
});

interface Releasable extends GatewayFunction {
  activate?(): void;
  release(): void;
}

function functionOf(name: string, options: FunctionOptions, kit: SetupKit): Releasable | undefined {
  const engine = engineOf(name, options, (path, message) => kit.problem(path, message));
  if (engine === undefined) return undefined;
  if (engine !== 'source') return new RemoteFunction(name, options, kit.clock);
  const program = readProgram(name, options.source ?? '', kit);
  return program === undefined ? undefined : new LocalFunction(name, program, options, kit);
}
