import { fileURLToPath } from 'node:url';
import '../../core/plugins/resolve-sdk.ts';
import { start } from '../../core/commands/start.ts';
import { startEcho } from './echo.ts';

const commands = `
One API dispatches to two others of the same gateway, by the value of a query parameter. Try:

  curl -i -H 'Host: 17ff4c91.example.com' '127.0.0.1:8080/distributeAPI?target=resource1'   200 from the first backend
  curl -i -H 'Host: 17ff4c91.example.com' '127.0.0.1:8080/distributeAPI?target=resource2'   200 from the second
  curl -i -H 'Host: 17ff4c91.example.com' '127.0.0.1:8080/distributeAPI?target=other'       404 from the mock
  curl -i -H 'Host: business1.example.com' 127.0.0.1:8080/business1                         401, not signed

The configuration is examples/call-by-gateway/gateway.yaml; change it and see it live. Ctrl-C stops.
`;

try {
  const backends = await Promise.all([startEcho(9101), startEcho(9102)]);
  process.exitCode = await start(fileURLToPath(new URL('gateway.yaml', import.meta.url)), () => {
    process.stdout.write(commands);
  });
  for (const { server } of backends) server.close().closeAllConnections();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write('The example needs the ports 8080, 9101 and 9102 of this machine.\n');
  process.exitCode = 1;
}
