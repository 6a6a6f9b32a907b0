// Runs in the isolate: makes calls of the gateway into calls of a plugin's handlers, and what those did into an answer.
// The plugin's code runs beside this and may break it: the gateway checks all that leaves the isolate.
const { stringify } = JSON;
const maxBound = 10_000;

return ({ definition, sdk }, { line }) => {
  const { Fields, Params, Reply, parseCookies, refuse } = sdk;
  const bound = new Map();
  let now = 0;

  const needs = definition?.needs ?? {};
  const unavailable = (what, instead) => {
    throw new Error(`${what} is not available in a sandbox${instead === undefined ? '' : `; ${instead}`}`);
  };
  const without = (target, names, what, instead) => {
    for (const name of names)
      Object.defineProperty(target, name, { get: () => unavailable(`${what}.${name}`, instead), enumerable: true });
    return target;
  };

  /** Fields of which the plugin sees what it declared, and whose changes are noted. */
  class Watched extends Fields {
    #seen;
    #where;
    #changes;
    constructor(flat, names = [], where, changes) {
      super(flat);
      this.#seen = names.includes('*') ? null : new Set(names.map((name) => name.toLowerCase()));
      this.#where = where;
      this.#changes = changes;
    }
    #see(name) {
      const lower = name.toLowerCase();
      if (this.#seen !== null && !this.#seen.has(lower))
        throw new Error(`the field "${lower}" is not in the plugin's needs.${this.#where}`);
    }
    get(name) {
      this.#see(name);
      return super.get(name);
    }
    getAll(name) {
      this.#see(name);
      return super.getAll(name);
    }
    combined(name) {
      this.#see(name);
      return super.combined(name);
    }
    has(name) {
      this.#see(name);
      return super.has(name);
    }
    set(name, value) {
      super.set(name, value);
      this.#seen?.add(name.toLowerCase());
      this.#changes.push(['set', name, value]);
    }
    append(name, value) {
      super.append(name, value);
      this.#changes.push(['append', name, value]);
    }
    delete(name) {
      super.delete(name);
      this.#seen?.add(name.toLowerCase());
      this.#changes.push(['delete', name]);
    }
    deleteAll(names) {
      for (const name of names) this.delete(name);
    }
  }

  const contentOf = (body) => {
    if (body === null) return null;
    if (typeof body === 'string') return { text: body };
    if (body instanceof Uint8Array) return { base64: Buffer.from(body).toString('base64') };
    return unavailable('a streaming body', 'answer a text or bytes');
  };
  const reader = (content, which) => async (maxBytes = Infinity) => {
    if (content === undefined)
      throw new Error(`there is no content to read here: the plugin's needs have no ${which}, or there is more than that`);
    const bytes = Buffer.from(content, 'base64');
    if (bytes.length <= maxBytes) return bytes;
    if (which === 'bodyBytes') throw refuse('body-too-large', { cause: `more than ${maxBytes} bytes` });
    throw new Error(`the answer has more than ${maxBytes} bytes`);
  };

  /** What plugins keep with a request; a note of this plugin's is known by its name. */
  const notesOf = (given, changes) => {
    const notes = new Map(given);
    return {
      get: (key) => notes.get(key.name),
      set(key, value) {
        notes.set(key.name, value);
        changes.notes = [...notes];
      },
    };
  };

  const exchangeOf = ({ plain, pathValues, headers, isForm, body, notes }, { api, environment }, changes) => {
    const fields = new Watched(headers, needs.headers, 'headers', changes.exchange);
    const readBody = reader(body, 'bodyBytes');
    let query;
    return {
      ...plain,
      api,
      environment,
      headers: fields,
      pathValues: new Map(pathValues),
      isAborted: false,
      notes: notesOf(notes, changes),
      get query() {
        return (query ??= Params.parse(plain.rawQuery));
      },
      get cookies() {
        return parseCookies(fields.get('cookie'));
      },
      onAbort: () => unavailable('exchange.onAbort'),
      onReply: () => unavailable('exchange.onReply', 'use the hook response'),
      callBackend: () => unavailable('exchange.callBackend', 'return nothing, and the request goes to its backend'),
      readBody,
      readForm: async () => (isForm ? Params.parse((await readBody()).toString('utf8')) : Params.empty),
    };
  };

  const changed = (before, after, names, changes) => {
    for (const name of names) if (after[name] !== before[name]) changes[name] = after[name];
  };

  /** What a handler is called with, and what is told of it afterwards. */
  const subjects = {
    exchange(data, instance, changes) {
      const exchange = exchangeOf(data, instance, changes);
      return { subject: exchange, tell: () => changed(data.plain, exchange, ['identity'], changes) };
    },
    outbound(data, instance, changes) {
      const outbound = {
        ...data.outbound,
        exchange: exchangeOf(data, instance, changes),
        headers: new Watched(data.fields, needs.headers, 'headers', changes.headers),
        readBody: reader(data.isSame ? data.body : data.content, 'bodyBytes'),
        setBody: (body) => void (changes.body = contentOf(body)),
      };
      const names = ['method', 'origin', 'path', 'rawQuery', 'host'];
      return { subject: outbound, tell: () => changed(data.outbound, outbound, names, changes) };
    },
    inbound(data, instance, changes) {
      const inbound = {
        ...data.inbound,
        exchange: exchangeOf(data, instance, changes),
        headers: new Watched(data.fields, needs.answerHeaders, 'answerHeaders', changes.headers),
        readBody: reader(data.content, 'answerBodyBytes'),
        setBody: (body) => void (changes.body = contentOf(body)),
        // Read only: setting it is an error, lest somebody believe that it had an effect.
        get refusal() {
          return data.inbound.refusal;
        },
        peekBody: () => unavailable('inbound.peekBody', 'use readBody and needs.answerBodyBytes'),
        transformBody: () => unavailable('inbound.transformBody', 'use readBody, setBody and needs.answerBodyBytes'),
      };
      return { subject: inbound, tell: () => changed(data.inbound, inbound, ['status'], changes) };
    },
  };
  const subjectOf = { backendSigning: 'outbound', response: 'inbound' };

  const answerOf = (answer, instance) => {
    if (answer === undefined) return undefined;
    if (answer instanceof Reply) {
      const { status, headers, body, refusal } = answer;
      return { reply: { status, headers: headers.flat, body: contentOf(body), refusal } };
    }
    const backend = instance.backends.indexOf(answer);
    if (backend >= 0) return { backend };
    throw new TypeError('the handler answered neither undefined, nor a Reply, nor a backend made by kit.backend');
  };

  const kitOf = ({ api, environment, binding }, problems, backends, made) => {
    const log = (level) => (fields, message) => line(level, [message, fields]);
    const kit = {
      api: without(api, ['definition'], 'api', 'options belong to the plugin itself'),
      environment,
      binding,
      log: { info: log('info'), warn: log('warn'), error: log('error') },
      clock: { now: () => now },
      use: ({ name }) => unavailable(`the service "${name}"`),
      find: () => undefined,
      problem: (path, message, offset) => void problems.push([path, message, offset]),
      backend(definition, path) {
        const backend = { invoke: () => unavailable('invoking a backend', 'return it at backendRouting') };
        backends.push({ definition, path });
        made.push(backend);
        return backend;
      },
    };
    without(api.group, ['definition'], 'api.group', 'options belong to the plugin itself');
    return without(kit, ['values', 'counters', 'http'], 'kit', 'run the plugin in process if it needs that');
  };

  const bind = (key, info) => {
    const problems = [];
    const backends = [];
    const made = [];
    const hooks = definition.bind(info.config, kitOf(info, problems, backends, made));
    if (hooks instanceof Promise) return { wrong: 'bind returned a promise; it must return its hooks at once' };
    if (typeof hooks !== 'object' || hooks === null) return { wrong: 'bind must return an object of hooks; {} for none' };
    // Those of instances that went with their APIs are not told apart from others: whoever is missed is bound again.
    if (bound.size >= maxBound) bound.delete(bound.keys().next().value);
    bound.set(key, { hooks, backends: made, api: info.api, environment: info.environment });
    const kinds = Object.entries(hooks).filter(([, hook]) => hook !== undefined);
    const isStaged = (hook) => typeof hook === 'object' && hook !== null;
    return {
      hooks: kinds.map(([name, hook]) => [name, isStaged(hook) ? typeof hook.handle : typeof hook]),
      stages: Object.fromEntries(kinds.flatMap(([name, hook]) => (isStaged(hook) ? [[name, hook.stage]] : []))),
      problems,
      backends,
    };
  };

  const instanceOf = ({ key, info }) => {
    if (!bound.has(key) && info !== undefined) {
      const { wrong, problems = [] } = bind(key, info);
      if (wrong !== undefined || problems.length > 0)
        throw new Error(`it could not be bound again: ${wrong ?? problems[0][1]}`);
    }
    return bound.get(key);
  };

  const handle = async (hook, { hooks, ...instance }, data) => {
    const changes = { exchange: [], headers: [] };
    const { subject, tell } = subjects[subjectOf[hook] ?? 'exchange'](data, instance, changes);
    let answer;
    try {
      answer = await (typeof hooks[hook] === 'function' ? hooks[hook](subject) : hooks[hook].handle(subject));
    } catch (error) {
      if (!(error instanceof Reply)) throw error;
      answer = error;
    }
    const result = answerOf(answer, instance);
    tell();
    return { changes, ...result };
  };

  const complete = async ({ hooks, ...instance }, notices) => {
    let failure;
    for (const { notice, data } of notices) {
      try {
        const changes = { exchange: [], headers: [] };
        const exchange = exchangeOf(data, instance, changes);
        await hooks.completed({ ...notice, arrival: exchange, exchange });
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
    return {};
  };

  const describe = () => {
    const { name, summary, config, apiField } = definition ?? {};
    const keys = typeof definition === 'object' && definition !== null ? Object.keys(definition) : null;
    // Text of its own: a schema that is no JSON is then told as that.
    const schema = config === undefined ? undefined : stringify(config);
    return { keys, name, summary, schema, apiField, needs: definition?.needs };
  };

  return (call) => {
    ({ now = 0 } = call);
    if (call.op === 'describe') return describe();
    if (call.op === 'bind') return bind(call.key, call.info);
    const instance = instanceOf(call);
    // A new isolate: the gateway calls again with what it needs to know.
    if (instance === undefined) return { isUnbound: true };
    return call.op === 'completed' ? complete(instance, call.notices) : handle(call.op, instance, call.data);
  };
};
