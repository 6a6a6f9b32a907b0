import { fileURLToPath } from 'node:url';
import '../../core/plugins/resolve-sdk.ts';
import { start } from '../../core/commands/start.ts';
import { startMember } from './members.ts';

const invitation = `
Try what examples/upstreams/README.md tells. The configuration is examples/upstreams/gateway.yaml; change it, or a
function, and see it live. Ctrl-C stops.
`;

try {
  const members = await Promise.all([9301, 9302, 9303].map(startMember));
  process.exitCode = await start(fileURLToPath(new URL('gateway.yaml', import.meta.url)), () => {
    process.stdout.write(invitation);
  });
  for (const member of members) member.close().closeAllConnections();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write('The example needs the ports 8080 and 9301 to 9303 of this machine.\n');
  process.exitCode = 1;
}
