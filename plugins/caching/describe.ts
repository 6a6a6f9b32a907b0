import type { Config } from './options.ts';

const shared: Readonly<Record<Config['callers'], string>> = {
  rules: 'answers to callers who say who they are: shared only if the backend allows it',
  apps: 'answers to apps: shared by all apps',
  perApp: 'answers to apps: kept for each app',
  perCaller: 'answers to callers who say who they are: kept for each of them',
  everybody: 'answers to callers who say who they are: shared by everybody',
};

/** For `explain`. */
export function describeCache(config: Config): string[] {
  const { store, methods, key, callers, lifetimes } = config;
  const parts = [
    key.query === undefined ? 'the query' : `the query parameters ${list(key.query)}`,
    ...(key.parameters.length === 0 ? [] : [`the parameters ${list(key.parameters)}`]),
    ...(key.headers.length === 0 ? [] : [`the fields ${list(key.headers)}`]),
    ...(key.context.length === 0 ? [] : [list(key.context)]),
  ];
  return [
    `${methods.join(' and ')} are answered from ${store === 'memory' ? 'memory' : 'the shared store'}, by path, ${parts.join(', ')}`,
    shared[callers],
    ...lifetimes.map(({ statuses, seconds }) => {
      const which = statuses === undefined ? '' : ` ${statuses.join(', ')}`;
      return `answers${which} without Cache-Control are fresh for ${seconds} s`;
    }),
  ];
}

function list(names: readonly string[]): string {
  return names.length === 0 ? '(none)' : names.join(', ');
}
