import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { ConfigError, type Problem } from '../config/problems.ts';

/** What one side asks the other, by its name: what is told, and what is answered. */
export type Questions = { readonly [name: string]: { ask: unknown; answer: unknown } };

/** Either end of the channel between a supervisor and a worker. */
type Channel = Pick<NodeJS.Process | ChildProcess, 'send' | 'connected'> & {
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
};

interface Message {
  readonly name?: string;
  /** Of a question; a message without one wants no answer. */
  readonly number?: number;
  readonly body?: unknown;
  /** Of the question that this answers. */
  readonly answers?: number;
  readonly error?: { readonly message: string; readonly problems?: readonly Problem[] };
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

type Handler = (body: never, socket: Socket | undefined) => unknown;

/** Questions and answers over the channel of a child process. */
export class Wire<Out extends Questions, In extends Questions> {
  readonly #channel: Channel;
  readonly #handlers = new Map<string, Handler>();
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #isGone = false;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.on('message', (message, handle) => this.#take(message as Message, handle as Socket | undefined));
    channel.on('disconnect', () => this.close());
  }

  /** Rejects when the other side fails, or ends before it has answered. With a connection this side keeps it open as well. */
  ask<Name extends keyof Out & string>(
    name: Name,
    body: Out[Name]['ask'],
    socket?: Socket,
  ): Promise<Out[Name]['answer']> {
    this.#last += 1;
    const number = this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#send({ name, number, body }, socket);
    });
  }

  /** Wants no answer; whoever is gone hears nothing. */
  tell<Name extends keyof Out & string>(name: Name, body: Out[Name]['ask']): void {
    this.#send({ name, body });
  }

  /** Says what answers a question. What answers at once does so before anything else happens. */
  answer<Name extends keyof In & string>(
    name: Name,
    handle: (
      body: In[Name]['ask'],
      socket: Socket | undefined,
    ) => In[Name]['answer'] | Promise<In[Name]['answer']>,
  ): void {
    this.#handlers.set(name, handle);
  }

  #send(message: Message, socket?: Socket): void {
    // One that has ended is told by `disconnect`, which may be yet to come.
    const lost = (error: Error | null): void => {
      if (error !== null && message.number !== undefined) this.#settle(message.number, { error });
    };
    if (this.#isGone || !this.#channel.connected || this.#channel.send === undefined) lost(new Error(gone));
    else if (socket === undefined) this.#channel.send(message, undefined, undefined, lost);
    else this.#channel.send(message, socket, { keepOpen: true }, lost);
  }

  #take(message: Message, socket: Socket | undefined): void {
    const { name, number, answers, body, error } = message;
    if (answers !== undefined) {
      this.#settle(answers, error === undefined ? { body } : { error: errorOf(error) });
      return;
    }
    const handle = this.#handlers.get(name ?? '');
    if (handle === undefined) return;
    const reply = (answer: Message): void => {
      if (number !== undefined) this.#send({ ...answer, answers: number });
    };
    const failed = (reason: unknown): void => reply({ error: toError(reason) });
    try {
      const answer = handle(body as never, socket);
      if (answer instanceof Promise) answer.then((value: unknown) => reply({ body: value }), failed);
      else reply({ body: answer });
    } catch (reason) {
      failed(reason);
    }
  }

  #settle(number: number, { body, error }: { body?: unknown; error?: Error }): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) waiting?.resolve(body);
    else waiting?.reject(error);
  }

  /** The other side has ended. Node does not tell where a connection was on its way there (`disconnect` waits for it). */
  close(): void {
    this.#isGone = true;
    for (const number of this.#waiting.keys()) this.#settle(number, { error: new Error(gone) });
  }
}

const gone = 'the process has ended';

function toError(reason: unknown): NonNullable<Message['error']> {
  if (!(reason instanceof ConfigError))
    return { message: reason instanceof Error ? reason.message : String(reason) };
  // What a plugin threw stays where it was thrown.
  const problems = reason.problems.map(({ cause: _cause, ...problem }) => problem);
  return { message: reason.message, problems };
}

function errorOf({ message, problems }: NonNullable<Message['error']>): Error {
  return problems === undefined ? new Error(message) : new ConfigError(problems);
}
