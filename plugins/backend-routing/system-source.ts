import { decodePath, describeAllowed } from '#sdk';
import {
  type ReadValues,
  type SystemValue,
  authorizerValue,
  findContextName,
  systemNames,
  systemValue,
} from '#sdk/mapping';

interface SystemSource {
  readonly read: ReadValues;
  /** Whether it is empty until somebody was authenticated. */
  readonly needsCaller: boolean;
}

const ofCaller: ReadonlySet<string> = new Set(['appId', 'appName', 'providerAppId']);

/** The reader of a system value, named as in `from: system.NAME`, or of an authorizer's, `authorizer.frontend.KEY`. */
export function systemSource(name: string, report: (message: string) => void): SystemSource | undefined {
  const [, side, key = ''] =
    /^authorizer\.(frontend|backend)\.([A-Za-z][A-Za-z0-9_-]{0,31})$/.exec(name) ?? [];
  if (side === 'frontend' || side === 'backend')
    return { read: reader(authorizerValue(side, key)), needsCaller: true };
  const known = findContextName(name, systemNames);
  const value = known === undefined ? undefined : systemValue(known);
  if (known === undefined || value === undefined) {
    const names = [...systemNames, 'authorizer.frontend.KEY', 'authorizer.backend.KEY'];
    report(`there is no system value ${JSON.stringify(name)}; ${describeAllowed(names, name)}`);
    return undefined;
  }
  const needsCaller = ofCaller.has(known);
  // As parameters are: compared as the text that was meant, however it was sent.
  if (known === 'reqPath') return { read: ({ path }) => [decodePath(path)], needsCaller };
  return { read: reader(value), needsCaller };
}

function reader(value: SystemValue): ReadValues {
  return (exchange) => {
    const text = value(exchange, exchange);
    return text === '' ? [] : [text];
  };
}
