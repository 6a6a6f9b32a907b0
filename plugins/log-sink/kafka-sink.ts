import type { MessageToProduce, Producer } from '@platformatic/kafka';
import type { KafkaOptions } from './options.ts';
import type { Sink } from './sink.ts';

const defaultMs = 10_000;

/** Produces each line as a message to a topic. The outbox tries again, so the client does not. */
export function kafkaSink(options: KafkaOptions): Sink {
  const { brokers, topic, key, timeoutMs = defaultMs } = options;
  let producer: Producer<string, string, string, string> | undefined;
  return {
    name: `kafka ${topic} at ${brokers.join(', ')}`,
    async send(lines) {
      const using = (producer ??= await create(options));
      const messages = lines.map((value): MessageToProduce<string, string, string, string> =>
        key === undefined ? { topic, value } : { topic, key, value },
      );
      try {
        await within(timeoutMs, using.send({ messages, acks: -1 }));
      } catch (error) {
        // What a broken connection or an old look at the cluster left behind goes with it.
        producer = undefined;
        using.close(true).catch(() => undefined);
        throw error;
      }
    },
    async close() {
      await producer?.close(true).catch(() => undefined);
      producer = undefined;
    },
  };
}

async function create({
  brokers,
  timeoutMs = defaultMs,
  sasl,
  tls,
}: KafkaOptions): Promise<Producer<string, string, string, string>> {
  // Here, because it takes half a second that most gateways never need.
  const { Producer: Kafka, stringSerializers } = await import('@platformatic/kafka');
  const producer = new Kafka<string, string, string, string>({
    clientId: 'tapgate',
    bootstrapBrokers: [...brokers],
    serializers: stringSerializers,
    retries: 0,
    autocreateTopics: false,
    connectTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    ...(sasl === undefined
      ? {}
      : { sasl: { mechanism: 'PLAIN', username: sasl.username, password: sasl.password } }),
    ...(tls === undefined ? {} : { tls: tls.ca === undefined ? {} : { ca: tls.ca }, tlsServerName: true }),
  });
  // Told by the sends that fail; without a listener it would end the process.
  producer.on('error', () => undefined);
  return producer;
}

async function within<T>(ms: number, sending: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([sending, late]);
  } finally {
    clearTimeout(timer);
    sending.catch(() => undefined);
  }
}
