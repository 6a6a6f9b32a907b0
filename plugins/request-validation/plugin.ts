import {
  type Exchange,
  type Kit,
  Reply,
  type ServiceToken,
  defineService,
  definePlugin,
  offer,
  refuse,
} from '#sdk';
import { readContent } from './content.ts';
import { type Format, formatOf, isMediaRange, nameFor, readContentType } from './media-type.ts';
import { Config, Section } from './options.ts';
import { Schemas, messageOf } from './schemas.ts';
import type { Validate } from './validator.ts';

/** How `bind` gets what `setup` made. */
const Own: ServiceToken<Schemas> = defineService<Schemas>('schemas');

/** What content of one media type has to be; null for anything. */
type Rule = { readonly format: Format; readonly validate: Validate } | null;

const carriesContent: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

export default definePlugin({
  name: 'request-validation',
  summary: 'Refuses requests whose content is not what a JSON Schema asks for.',
  config: Config,
  section: { name: 'schemas', schema: Section },
  offers: [Own],
  setup: (section: Section | undefined, kit) => ({
    amend: () => undefined,
    services: [offer(Own, new Schemas(section, kit))],
  }),
  bind(config: Config, kit) {
    const rules = compileRules(config, kit);
    return {
      auth: {
        // As for parameters: whoever guesses is counted first.
        stage: 'serve',
        handle: (exchange) => admit(exchange, config, rules),
      },
      describe: () =>
        [...rules].map(([type, rule]) => `${type}: ${rule === null ? 'anything' : 'by its schema'}`),
    };
  },
});

function compileRules({ content, formats, patterns }: Config, kit: Kit): ReadonlyMap<string, Rule> {
  const rules = new Map<string, Rule>();
  for (const [type, { schema }] of Object.entries(content)) {
    const path = ['content', type, 'schema'];
    if (!isMediaRange(type))
      kit.problem(
        ['content', type],
        'allowed: a media type in lower case, such as application/json, text/* or */*',
      );
    const format = formatOf(type);
    if (schema === undefined) rules.set(type, null);
    else if (format === undefined)
      kit.problem(
        path,
        'only JSON (application/json, +json) and application/x-www-form-urlencoded have a schema',
      );
    else {
      try {
        const compiler = kit.use(Own).compiler({ formats, patterns, isCoercing: format === 'form' });
        rules.set(type, { format, validate: compiler.compile(schema) });
      } catch (error) {
        kit.problem(path, `the schema cannot be used: ${messageOf(error)}`);
      }
    }
  }
  return rules;
}

function admit(
  exchange: Exchange,
  config: Config,
  rules: ReadonlyMap<string, Rule>,
): Reply | undefined | Promise<Reply | undefined> {
  const { headers } = exchange;
  if (!exchange.hasBody) {
    const isMissing = config.required && carriesContent.has(exchange.method);
    return isMissing
      ? refuse('bad-body', { message: 'The request needs content.', cause: 'no content' })
      : undefined;
  }
  const given = headers.getAll('content-type');
  const type = given.length === 1 ? readContentType(given[0] ?? '') : undefined;
  const name = type === undefined ? undefined : nameFor(rules, type.mediaType);
  const rule = name === undefined ? undefined : rules.get(name);
  if (rule === undefined) return unsupported(rules);
  if (rule === null) return undefined;
  const coding = headers.combined('content-encoding') ?? 'identity';
  // Whoever cannot read it cannot check it, and the backend might.
  if (type?.isUtf8 === false || coding.toLowerCase() !== 'identity') return unsupported(rules);
  return validate(exchange, config, rule);
}

async function validate(
  exchange: Exchange,
  { maxBytes, details }: Config,
  { format, validate: check }: NonNullable<Rule>,
): Promise<Reply | undefined> {
  const read = readContent(format, await exchange.readBody(maxBytes));
  const wrong = read.wrong ?? check(read.value);
  if (wrong === undefined) return undefined;
  const words = wrong.replaceAll(/[^\x20-\x7e]/g, '?');
  const message = `The content of the request ${words.startsWith('/') ? 'is not valid: ' : ''}${words}.`;
  return refuse('bad-body', { cause: words, ...(details ? { message } : {}) });
}

function unsupported(rules: ReadonlyMap<string, Rule>): Reply {
  const allowed = [...rules.keys()].join(', ');
  return refuse('media-type-not-supported', {
    message: `The media type of the content is not supported; allowed: ${allowed}, in UTF-8 and without a coding.`,
    // RFC 9110 section 15.5.16.
    headers: { accept: allowed },
  });
}
