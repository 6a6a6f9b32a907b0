import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, type RequestOptions, type Server, createServer, request } from 'node:http';
import { type AddressInfo, type Socket, createServer as createSocketServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VirtualClock } from '#sdk/testing';
import { readConfig } from '../../../core/config/read.ts';
import { Gateway } from '../../../core/gateway.ts';

const example = fileURLToPath(new URL('../../../examples/upstreams', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** `status code`, of a refusal. */
  readonly code: string;
}

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A member of the channel, which a test stops, starts and makes sick. */
export class Member {
  readonly port: number;
  /** What it was asked for, checks of its health left out. */
  readonly asked: Asked[] = [];
  isWell = true;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  /** Not listening yet; its port is one that was free. */
  static async create(): Promise<Member> {
    const probe = createSocketServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    return new Member(port);
  }

  async start(): Promise<void> {
    const server = createServer(
      { keepAliveTimeout: 60_000 },
      ({ method = '', url = '', headers }, response) => {
        if (url === '/healthz') {
          response.writeHead(this.isWell ? 200 : 503).end();
          return;
        }
        this.asked.push({ method, url, headers });
        response.end(String(this.port));
      },
    );
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
  }

  /** As if its process were killed: connections break, and no new one can be had. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }
}

/** The gateway of `examples/upstreams`, listening, with the members that its channel names. */
export interface Upstreams extends AsyncDisposable {
  /** 127.0.0.1:9301, 9302 and 9303 of the file; the last is the backup. */
  readonly members: readonly [Member, Member, Member];
  /** Stands until a test moves it, or sends requests by `each`. */
  readonly clock: VirtualClock;
  readonly folder: string;
  /** Messages of the operator's log, those about a member with its port before them, and what functions wrote. */
  readonly log: readonly string[];
  call(
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer>;
  /** Calls /orders that often, 20 at a time and no faster than 100 in a second of the clock; how many said what. */
  each(count: number): Promise<Readonly<Record<string, number>>>;
}

/** Starts it with ports of the system's choice; what else a test replaces is numbers and functions. */
export async function startUpstreams(
  replace: readonly (readonly [text: string, by: string])[] = [],
  functions: Readonly<Record<string, string>> = {},
): Promise<Upstreams> {
  const members = await Promise.all([Member.create(), Member.create(), Member.create()]);
  const folder = mkdtempSync(join(tmpdir(), 'tapgate-upstreams-'));
  cpSync(join(example, 'functions'), join(folder, 'functions'), { recursive: true });
  for (const [name, source] of Object.entries(functions))
    writeFileSync(join(folder, 'functions', name), source);
  const ports = members.map(({ port }, index) => [String(9301 + index), String(port)] as const);
  writeFileSync(
    join(folder, 'gateway.yaml'),
    edited([['port: 8080', 'port: 0\n    host: 127.0.0.1'], ...ports, ...replace]),
  );
  const log: string[] = [];
  const note = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    const { port: member, text } = fields;
    if (typeof text === 'string') log.push(text);
    else log.push(typeof member === 'number' ? `${member} ${message}` : message);
  };
  const clock = new VirtualClock();
  const gateway = new Gateway({ log: { info: note, warn: note, error: note }, clock });
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const close = async (): Promise<void> => {
    agent.destroy();
    await gateway.close();
    await Promise.all(members.map((member) => member.kill()));
    rmSync(folder, { recursive: true });
  };
  try {
    await Promise.all(members.map((member) => member.start()));
    await gateway.apply(readConfig(join(folder, 'gateway.yaml'), {}), { listen: true });
  } catch (error) {
    await close();
    throw error;
  }
  const port = gateway.listeners[0]?.port ?? 0;
  const call: Upstreams['call'] = (method, path, headers = {}, body = '') =>
    send({ agent, host: '127.0.0.1', port, method, path, headers }, body);
  const each: Upstreams['each'] = async (count) => {
    const counts: Record<string, number> = {};
    for (let sent = 0; sent < count; sent += 20) {
      const batch = Array.from({ length: Math.min(20, count - sent) }, () => call('GET', '/orders/1'));
      for (const { status, text, code } of await Promise.all(batch)) {
        const key = status === 200 ? text : code;
        counts[key] = (counts[key] ?? 0) + 1;
      }
      clock.advance(200);
    }
    return counts;
  };
  return {
    members,
    clock,
    folder,
    log,
    call,
    each,
    [Symbol.asyncDispose]: close,
  };
}

function edited(changes: readonly (readonly [text: string, by: string])[]): string {
  const yaml = readFileSync(join(example, 'gateway.yaml'), 'utf8');
  return changes.reduce((text, [from, to]) => {
    assert.ok(text.includes(from), `the configuration says ${from}`);
    return text.replaceAll(from, () => to);
  }, yaml);
}

function send(options: RequestOptions, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, text, headers, code: `${status} ${codeOf(text)}` });
      });
    });
    asked.on('error', reject).end(body);
  });
}

function codeOf(text: string): string {
  try {
    return String((JSON.parse(text) as Record<string, unknown>)['error_code']);
  } catch {
    return text;
  }
}
