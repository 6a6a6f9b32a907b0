/** The part of the official client that the tests use; the package brings no types. */
declare module 'aliyun-api-gateway' {
  interface Options {
    readonly data?: unknown;
    readonly query?: Readonly<Record<string, unknown>>;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signHeaders?: Readonly<Record<string, string>>;
    readonly timeout?: number;
  }

  export interface RequestError extends Error {
    readonly code: number;
    readonly data: { readonly headers: Readonly<Record<string, string>> };
  }

  class Client {
    constructor(key: string, secret: string, stage?: string);
    get(url: string, options?: Options): Promise<unknown>;
    post(url: string, options?: Options): Promise<unknown>;
    put(url: string, options?: Options): Promise<unknown>;
    delete(url: string, options?: Options): Promise<unknown>;
  }

  const sdk: { readonly Client: typeof Client };
  export default sdk;
}
