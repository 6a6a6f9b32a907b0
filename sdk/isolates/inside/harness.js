// Runs in the isolate: console, timers, and the one way in and out. Foreign code gets none of `host`, `kept` or what is returned here.
const { log, done, timerStart, timerStop } = host;
const { stringify, parse } = JSON;
const maxLine = 8192;

const show = (value) => {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return String(value.stack ?? value);
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return stringify(value) ?? String(value);
  } catch {
    return '[object]';
  }
};
const line = (level, values) => log(level, values.map(show).join(' ').slice(0, maxLine));
const console = {};
for (const [name, level] of Object.entries({ log: 'info', info: 'info', debug: 'info', trace: 'info', warn: 'warn', error: 'error' }))
  console[name] = (...values) => line(level, values);
kept.line = line;

const timers = new Map();
let lastTimer = 0;
const schedule = (work, delay, args, isRepeated) => {
  if (typeof work !== 'function') throw new TypeError('a timer needs a function');
  const id = (lastTimer += 1);
  timers.set(id, { work, args, isRepeated });
  timerStart(id, Math.max(1, Math.min(Number(delay) || 0, 2147483647)), isRepeated);
  return id;
};
const cancel = (id) => {
  if (timers.delete(id)) timerStop(id);
};
const timing = {
  setTimeout: (work, delay, ...args) => schedule(work, delay, args, false),
  setInterval: (work, delay, ...args) => schedule(work, delay, args, true),
  setImmediate: (work, ...args) => schedule(work, 0, args, false),
  clearTimeout: cancel,
  clearInterval: cancel,
  clearImmediate: cancel,
  queueMicrotask: (work) => void Promise.resolve().then(work),
};

const modules = (name) => {
  const plain = String(name).replace(/^node:/, '');
  if (plain === 'crypto') return globalThis.crypto;
  if (plain === 'buffer') return { Buffer: globalThis.Buffer };
  if (plain === 'url') return { URL: globalThis.URL, URLSearchParams: globalThis.URLSearchParams };
  throw new Error(`there is no module "${plain}" here; allowed: buffer, crypto, url`);
};

let exported;
let serve;
Object.assign(entries, {
  // A module's namespace, or the function that a CommonJS source was wrapped in.
  load(made, isModule) {
    const module = { exports: {} };
    if (!isModule) made.call(module.exports, module.exports, modules, module);
    exported = isModule ? made : module.exports;
    serve = kept.adapt(exported, { line });
  },
  call(id, args, maxLength) {
    void answer(id, args, maxLength);
  },
  fire(id) {
    const timer = timers.get(id);
    if (timer === undefined) return;
    if (!timer.isRepeated) timers.delete(id);
    timer.work(...timer.args);
  },
  fetched: (id, problem, head, body) => kept.fetched(id, problem, head, body),
  // What a call left behind is not the next one's.
  clear() {
    timers.clear();
    kept.forget();
  },
});
const answer = async (id, args, maxLength) => {
  try {
    const text = stringify(await serve(parse(args)));
    if (typeof text !== 'string') done(id, 'not-json', 'it is nothing that JSON can hold');
    else if (text.length > maxLength) done(id, 'too-large', `${text.length} characters of JSON; at most ${maxLength} are allowed`);
    else done(id, '', text);
  } catch (error) {
    let reason = 'it threw';
    try {
      reason = show(error).slice(0, maxLine);
    } catch {
      // What is thrown may itself throw when looked at.
    }
    done(id, 'threw', reason);
  }
};
return { console, ...timing };
