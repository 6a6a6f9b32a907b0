import type { ChangedCopy, ConfigCopy, Files } from '../config/copies.ts';
import type { Problem } from '../config/problems.ts';
import type { Limits, ListenerConfig, ManagementConfig } from '../config/schema.ts';
import type { DevelopmentPair } from '../http/development-certificate.ts';
import type { WorkersPlan } from './options.ts';

/** What a worker is started with. Holds a secret, and so comes over the channel. */
export interface Start {
  readonly pseudonym: string;
  /** What `kit.machine.key` is made from, in base64. */
  readonly key: string;
  /** Whether it inherits memory that the workers share. */
  readonly isSharing: boolean;
}

/** A configuration on its way to a worker. */
export interface Sent {
  /** All of it, or what has changed. */
  readonly copy: ConfigCopy | ChangedCopy;
  /** The certificate of `tls: selfsigned`, once a worker has made one. */
  readonly development: DevelopmentPair | null;
}

/** What a worker found in a configuration that it could build. */
export interface Plan {
  readonly listeners: readonly (Pick<ListenerConfig, 'port' | 'host'> & { readonly isSecure: boolean })[];
  readonly management: ManagementConfig | undefined;
  readonly limits: Pick<Limits, 'drainTimeoutMs'>;
  readonly workers: WorkersPlan;
  readonly apis: number;
  /** Pages of plugins, and how each is answered for. */
  readonly pages: readonly PageInfo[];
  readonly development: DevelopmentPair | null;
}

export interface PageInfo {
  readonly path: string;
  readonly methods: readonly string[];
  /** `main`: by the main worker; `shared`: every worker has a share; `counted`: and those that ended do. */
  readonly kind: 'main' | 'shared' | 'counted';
}

/** What came of building a configuration. */
export type Prepared = {
  /** Every file whose change means building again, and what it held. */
  readonly hashes: readonly (readonly [string, string])[];
  /** What was read beyond the copy. */
  readonly files: Files;
} & (
  | { readonly plan: Plan; readonly refused?: never }
  | { readonly refused: Refused; readonly plan?: never }
);

/** A refusal, as the worker's `ConfigError` had it; without problems it is an error of another kind. */
export interface Refused {
  readonly message: string;
  readonly problems: readonly Problem[] | undefined;
}

/** How often a worker tells how it is doing. Each time wakes two processes, which costs each some 0.3 ms. */
export const beatMs = 500;

/** How a worker is doing; told all the time, and what is not told any more is blocked. */
export interface Beat {
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** Of the event loop since the last one: the mean and the longest, in milliseconds. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly inFlight: number;
  readonly connections: number;
}

/** A request for a page of the management listener. */
export interface PageRequest {
  readonly path: string;
  readonly method: string;
  /** As in a URL. */
  readonly query: string;
  readonly body: string;
}

/** What a worker has put under a key. */
export interface Kept {
  readonly key: string;
  /** In base64, where it is small; else the others have nothing there any more. */
  readonly value?: string;
  readonly ttlMs: number;
}

export type Topic = { readonly topic: string; readonly value: unknown };

type Told<Ask> = { ask: Ask; answer: undefined };

/** From the supervisor to a worker. */
export type ToWorker = {
  start: Told<Start>;
  /** Undefined when the worker does not know what the configuration was before the change: it needs all of it. */
  prepare: { ask: Sent; answer: Prepared | undefined };
  activate: Told<undefined>;
  commit: Told<undefined>;
  discard: Told<undefined>;
  /** A connection that was accepted at a port; answered as soon as it is this worker's. */
  connection: Told<{ readonly port: string }>;
  /** From now on it does what a machine does once. */
  main: Told<undefined>;
  published: Told<Topic>;
  question: { ask: Topic; answer: unknown };
  /** What another worker keeps under a key. */
  kept: Told<Kept>;
  status: { ask: undefined; answer: unknown };
  page: { ask: PageRequest; answer: unknown };
  share: { ask: PageRequest; answer: unknown };
  counted: { ask: { readonly path: string }; answer: unknown };
  merge: { ask: PageRequest & { readonly shares: readonly unknown[] }; answer: unknown };
  remains: { ask: { readonly path: string; readonly shares: readonly unknown[] }; answer: unknown };
  /** Drains; the process ends after the answer. */
  stop: Told<undefined>;
};

/** From a worker to the supervisor. */
export type ToSupervisor = {
  /** Its code is loaded. */
  loaded: Told<undefined>;
  beat: Told<Beat>;
  published: Told<Topic>;
  question: { ask: Topic; answer: unknown };
  kept: Told<Kept>;
};
