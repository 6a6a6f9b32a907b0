import { Pool, type Dispatcher } from 'undici';
import type { AnswerHandler } from './origin/origin-request.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** undici's connections to one origin, for those that are encrypted. */
export class UndiciPool {
  readonly #pool: Pool;

  constructor(origin: string, options: Pool.Options) {
    this.#pool = new Pool(origin, options);
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: AnswerHandler): void {
    this.#pool.dispatch(options, new Translation(handler));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

class Translation implements Dispatcher.DispatchHandler {
  readonly #handler: AnswerHandler;

  constructor(handler: AnswerHandler) {
    this.#handler = handler;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#handler.onRequestStart(controller);
  }

  onBodySent(): void {
    this.#handler.onBodySent?.();
  }

  onRequestSent(): void {
    this.#handler.onBodySent?.();
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    const isDelimited = 'content-length' in headers || 'transfer-encoding' in headers;
    const head = { status, flat: toFlat(headers), areFieldsChecked: false, isDelimited };
    this.#handler.onAnswerHead(controller, head);
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Headers,
    socket: Parameters<NonNullable<Dispatcher.DispatchHandler['onRequestUpgrade']>>[3],
  ): void {
    // A tunnel of another kind is none that was asked for, and names nothing that it switched to.
    this.#handler.onSwitched?.(status === 101 ? toFlat(headers) : [], socket);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onResponseData(controller, chunk);
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: Headers): void {
    this.#handler.onAnswerEnd(toFlat(trailers));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#handler.onAnswerError(error);
  }
}

/** undici gives names in lower case, and repeated fields as a list. */
function toFlat(headers: Headers): string[] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((each) => [name, each]),
  );
}
