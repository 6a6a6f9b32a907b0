import { fileURLToPath } from 'node:url';
import '../../core/plugins/resolve-sdk.ts';
import { start } from '../../core/commands/start.ts';
import { startEcho } from '../call-by-gateway/echo.ts';

const invitation = `
Try what examples/calling/README.md tells. The configuration is examples/calling/gateway.yaml; change it and see it live.
Ctrl-C stops.
`;

try {
  const backends = await Promise.all([startEcho(9201), startEcho(9202)]);
  process.exitCode = await start(fileURLToPath(new URL('gateway.yaml', import.meta.url)), () => {
    process.stdout.write(invitation);
  });
  for (const { server } of backends) server.close().closeAllConnections();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write('The example needs the ports 8080, 8443, 9201 and 9202 of this machine.\n');
  process.exitCode = 1;
}
