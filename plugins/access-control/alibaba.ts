import { type Kit, OneOf, Options, type Static, Type, defineDialect } from '#sdk';
import { readRange } from './address-set.ts';
import type { Config, List } from './options.ts';

type Problem = Kit['problem'];

const Item = Options({
  blocks: Type.Optional(
    Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: 'Addresses and blocks.' }),
  ),
  blocksDatasetId: Type.Optional(
    Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 0 })], {
      description: 'The name of a data set of type `IP_WHITELIST_CIDR`, instead of `blocks`.',
    }),
  ),
  appId: Type.Optional(
    Type.Union([Type.String({ minLength: 1 }), Type.Integer({ minimum: 0 })], {
      description: 'The id (or name) of the app that the item is for. Without meaning with REFUSE.',
    }),
  ),
});

const Document = Options({
  type: OneOf(['ALLOW', 'REFUSE'], { description: '`ALLOW`: nobody but these. `REFUSE`: all but these.' }),
  resource: Type.Optional(
    Type.String({
      pattern: '^[Xx][Ff][Ff]:(?:-?[1-9]|-?[12][0-9]|-?3[01]|-32|0)$',
      allowed: '`XFF:n`, n from -32 to 31: the entry of X-Forwarded-For, 0 the first and -1 the last',
      description: "Where the caller's address is read; of the connection unless given.",
    }),
  ),
  items: Type.Array(Item, { minItems: 1 }),
});

type Item = Static<typeof Item>;

const maxBytes = 50 * 1024;

/** The IP access control plug-in of Alibaba Cloud API Gateway (doc 103218). */
export const fromAlibaba = defineDialect(Document, (document, problem): Config => {
  const { type, resource, items } = document;
  const bytes = Buffer.byteLength(JSON.stringify(document));
  if (bytes > maxBytes)
    problem([], `the document has ${bytes} bytes as JSON; at most ${maxBytes} (50 KB) are allowed`);
  for (const [index, item] of items.entries()) checkItem(item, index, problem);
  const common = items.filter(({ appId }) => type === 'REFUSE' || appId === undefined);
  const ofApps = Object.groupBy(
    items.filter((item) => !common.includes(item)),
    ({ appId }) => String(appId),
  );
  const apps = Object.entries(ofApps).map(([app, own = []]) => [app, listOf(own)] as const);
  return {
    subject: 'ip',
    effect: type === 'ALLOW' ? 'allow' : 'deny',
    ...listOf(common),
    ...(apps.length === 0 ? {} : { apps: Object.fromEntries(apps) }),
    ...(resource === undefined
      ? {}
      : { clientAddress: { from: 'forwarded-for', index: Number(resource.slice(4)) } }),
  };
});

function checkItem({ blocks, blocksDatasetId }: Item, index: number, problem: Problem): void {
  if ((blocks === undefined) === (blocksDatasetId === undefined))
    problem(['items', index], 'allowed: either `blocks` or `blocksDatasetId`');
  for (const [at, block] of (blocks ?? []).entries()) {
    const range = block.includes('-') ? 'allowed: an address or a block (192.0.2.0/24)' : readRange(block);
    if (typeof range === 'string') problem(['items', index, 'blocks', at], `found "${block}"; ${range}`);
  }
}

function listOf(items: readonly Item[]): List {
  const values = items.flatMap(({ blocks = [] }) => blocks);
  const dataSets = items.flatMap(({ blocksDatasetId: id }) => (id === undefined ? [] : [String(id)]));
  return {
    ...(values.length === 0 ? {} : { values }),
    ...(dataSets.length === 0 ? {} : { dataSets }),
  };
}
