import { type Kit, Options, Type, defineDialect } from '#sdk';
import { type Config, longestAge } from './options.ts';
import { allowedOrigins, readOrigin } from './origins.ts';

type Problem = Kit['problem'];

const List = (description: string, byDefault?: string) => {
  const options = { maxLength: 8192, description: `${description}, with commas between them.` };
  return byDefault === undefined ? Type.String(options) : Type.String({ ...options, default: byDefault });
};

const MaxAge = Type.Integer({ minimum: 0, maximum: longestAge, description: 'Seconds.' });

const HuaweiDocument = Options({
  allow_origin: List('Origins, or `*`'),
  allow_methods: Type.Optional(List('Methods; those of the APIs it is bound to must be among them')),
  allow_headers: Type.Optional(List('Names of fields of requests')),
  expose_headers: Type.Optional(List('Names of fields of answers')),
  max_age: Type.Optional(MaxAge),
  allow_credentials: Type.Boolean({ default: false }),
});

/** The CORS plug-in of Huawei Cloud APIG. */
export const fromHuawei = defineDialect(HuaweiDocument, (document, problem): Config => {
  const { max_age: maxAgeSeconds } = document;
  const read = (field: 'allow_methods' | 'allow_headers' | 'expose_headers') =>
    namesOf(document[field], field, problem);
  const allowMethods = read('allow_methods');
  return {
    allowOrigins: originsOf(document.allow_origin, 'allow_origin', problem),
    ...(allowMethods.length === 0 ? {} : { allowMethods, mustAllowMethod: true }),
    allowHeaders: read('allow_headers'),
    exposeHeaders: read('expose_headers'),
    allowCredentials: document.allow_credentials,
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
  };
});

const signed =
  'X-Ca-Signature,X-Ca-Signature-Headers,X-Ca-Signature-Method,X-Ca-Key,X-Ca-Timestamp,X-Ca-Nonce,X-Ca-Stage';

/** What is left out is what the vendor says without a plug-in (doc 103230). */
const AlibabaDocument = Options({
  allowOrigins: List('Hosts with or without a scheme, `*.example.com`, or `*`', '*'),
  allowMethods: List('Methods', 'GET,POST,PUT,DELETE,HEAD,OPTIONS,PATCH'),
  allowHeaders: List(
    'Names of fields of requests',
    `Authorization,Content-Type,Accept,Cache-Control,Range,${signed},X-Ca-Request-Mode,x-ca-deviceid`,
  ),
  exposeHeaders: List(
    'Names of fields of answers',
    'Content-MD5,Server,Date,Latency,X-Ca-Request-Id,X-Ca-Error-Code,X-Ca-Error-Message',
  ),
  allowCredentials: Type.Boolean({ default: false }),
  maxAge: { ...MaxAge, default: longestAge },
});

/** The CORS plug-in of Alibaba Cloud API Gateway (doc 103230). */
export const fromAlibaba = defineDialect(AlibabaDocument, (document, problem): Config => ({
  allowOrigins: originsOf(document.allowOrigins, 'allowOrigins', problem),
  allowMethods: namesOf(document.allowMethods, 'allowMethods', problem),
  allowHeaders: namesOf(document.allowHeaders, 'allowHeaders', problem),
  exposeHeaders: namesOf(document.exposeHeaders, 'exposeHeaders', problem),
  allowCredentials: document.allowCredentials,
  maxAgeSeconds: document.maxAge,
}));

interface Item {
  readonly text: string;
  /** Characters into the list. */
  readonly offset: number;
}

function itemsOf(list: string): readonly Item[] {
  const items: Item[] = [];
  let offset = 0;
  for (const part of list.split(',')) {
    const text = part.trim();
    if (text !== '') items.push({ text, offset: offset + part.indexOf(text) });
    offset += part.length + 1;
  }
  return items;
}

function originsOf(list: string, field: string, problem: Problem): string[] {
  const items = itemsOf(list);
  if (items.length === 0) problem([field], `no origin is named; ${allowedOrigins}`);
  for (const { text, offset } of items) {
    if (text !== '*' && text !== 'null' && readOrigin(text) === undefined)
      problem([field], `"${text}" is no origin; ${allowedOrigins}`, offset);
  }
  return items.map(({ text }) => text);
}

/** A token of RFC 9110, section 5.6.2. */
const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function namesOf(list: string | undefined, field: string, problem: Problem): string[] {
  const items = itemsOf(list ?? '');
  for (const { text, offset } of items) {
    if (!name.test(text))
      problem([field], `"${text}" is no name; allowed: names with commas between them`, offset);
  }
  return items.map(({ text }) => text);
}
