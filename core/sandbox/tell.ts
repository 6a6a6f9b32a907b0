import {
  type Completed,
  type Exchange,
  type Fields,
  type Inbound,
  type Needs,
  type NoteKey,
  type Outbound,
  type Refusal,
  defineNote,
} from '#sdk';

/** Copies of what a hook sees, less what the plugin did not ask for. */
export class Teller {
  readonly #needs: Needs;
  /** What the plugin keeps with a request. */
  readonly notes: NoteKey<readonly unknown[]> = defineNote('kept by a sandboxed plugin');

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** Rejects with a Reply when the content is larger, late or cut. */
  async exchange(exchange: Exchange): Promise<object> {
    const { bodyBytes } = this.#needs;
    if (bodyBytes === undefined) return this.#head(exchange);
    const body = exchange.hasBody ? await exchange.readBody(bodyBytes) : Buffer.alloc(0);
    const type = exchange.headers.get('content-type') ?? '';
    const isForm = /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type);
    return { ...this.#head(exchange), isForm, body: body.toString('base64') };
  }

  async outbound(outbound: Outbound): Promise<object> {
    const { method, origin, path, rawQuery, host, upgrade, hasBody, bodyLength } = outbound;
    const exchange = await this.exchange(outbound.exchange);
    const read = (): Promise<Buffer> => outbound.readBody();
    const content = await this.#content(this.#needs.bodyBytes, bodyLength, hasBody, read);
    return {
      ...exchange,
      outbound: { method, origin, path, rawQuery, host, upgrade, hasBody, bodyLength },
      fields: pick(outbound.headers, this.#needs.headers),
      // Most requests leave with what they brought: that is sent once.
      ...('body' in exchange && exchange.body === content ? { isSame: true } : { content }),
    };
  }

  async inbound(inbound: Inbound): Promise<object> {
    const { status, source, hasBody, bodyLength, backendMs, latencyMs } = inbound;
    const refusal = shown(inbound.refusal);
    const { answerHeaders, answerBodyBytes: most } = this.#needs;
    return {
      ...this.#head(inbound.exchange),
      inbound: { status, refusal, source, hasBody, bodyLength, backendMs, latencyMs },
      fields: pick(inbound.headers, answerHeaders),
      content: await this.#content(most, bodyLength, hasBody, () => inbound.readBody(most)),
    };
  }

  completed(notice: Completed, exchange: Exchange): object {
    const { status, outcome, bytesReceived, bytesSent, durationMs, backendMs, answeredBy } = notice;
    const by = answeredBy === undefined ? undefined : { plugin: answeredBy.plugin, hook: answeredBy.hook };
    const figures = { status, outcome, bytesReceived, bytesSent, durationMs, backendMs };
    return {
      notice: { ...figures, refusal: shown(notice.refusal), answeredBy: by },
      data: this.#head(exchange),
    };
  }

  #head(exchange: Exchange) {
    const { requestId, method, scheme, host, port, path, rawQuery, clientAddress, httpVersion } = exchange;
    const { pathRest, identity, receivedAt, hasBody, headers, pathValues } = exchange;
    const line = { requestId, method, scheme, host, port, path, rawQuery, clientAddress, httpVersion };
    return {
      plain: { ...line, pathRest, identity, receivedAt, hasBody },
      pathValues: pathValues.size === 0 ? [] : [...pathValues],
      headers: pick(headers, this.#needs.headers),
      notes: exchange.notes.get(this.notes),
    };
  }

  /** Undefined when the plugin is not to see it: it did not ask, or there is more than it asked for. */
  async #content(
    most: number | undefined,
    length: number | undefined,
    hasBody: boolean,
    read: () => Promise<Buffer>,
  ): Promise<string | undefined> {
    if (most === undefined || (length !== undefined && length > most)) return undefined;
    const bytes = hasBody ? await read() : Buffer.alloc(0);
    return bytes.length > most ? undefined : bytes.toString('base64');
  }
}

/** Without the cause, which is for the operator's log. */
function shown(refusal: Refusal | undefined) {
  if (refusal === undefined) return undefined;
  const { kind, message, status } = refusal;
  return { kind, message, status };
}

function pick(fields: Fields, names: readonly string[] | undefined): string[] {
  if (names === undefined || names.length === 0) return [];
  if (names.includes('*')) return fields.flat;
  return names.flatMap((name) => fields.getAll(name).flatMap((value) => [name, value]));
}
