import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { testPlugin } from '#sdk/testing';
import plugin from '../../plugins/log-sink/plugin.ts';

/*
 * Sends log lines to a real Apache Kafka and reads them back: `node test/kafka/run.ts`. It needs a JDK and Maven, which
 * bring Kafka; about a minute. Not part of the tests.
 */

const version = '3.9.1';
const lib = join(tmpdir(), `tapgate-kafka-${version}`);
const folder = mkdtempSync(join(tmpdir(), 'tapgate-kafka-data-'));

function download(): void {
  if (existsSync(join(lib, `kafka_2.13-${version}.jar`))) return;
  mkdirSync(lib, { recursive: true });
  const dependency = (group: string, artifact: string, of: string): string =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${of}</version></dependency>`;
  const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tapgate</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
${dependency('org.apache.kafka', 'kafka_2.13', version)}${dependency('org.slf4j', 'slf4j-reload4j', '1.7.36')}
</dependencies></project>`;
  writeFileSync(join(lib, 'pom.xml'), pom);
  const args = [
    '-q',
    '-B',
    '-f',
    join(lib, 'pom.xml'),
    'dependency:copy-dependencies',
    `-DoutputDirectory=${lib}`,
  ];
  execFileSync('mvn', args, { stdio: 'inherit' });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function java(main: string, ...args: string[]): string[] {
  const log4j = join(folder, 'log4j.properties');
  writeFileSync(
    log4j,
    'log4j.rootLogger=ERROR, out\nlog4j.appender.out=org.apache.log4j.ConsoleAppender\nlog4j.appender.out.layout=org.apache.log4j.SimpleLayout\n',
  );
  return ['-Xmx512m', `-Dlog4j.configuration=file:${log4j}`, '-cp', `${lib}/*`, main, ...args];
}

/** One node that is broker and controller, with SASL/PLAIN for clients. */
async function startKafka(): Promise<{ port: number; process: ChildProcess }> {
  const [port, controller] = [await freePort(), await freePort()];
  const jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_gateway="sesame";';
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    listeners: `SASL_PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `SASL_PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'SASL_PLAINTEXT',
    'listener.security.protocol.map': 'SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'sasl.enabled.mechanisms': 'PLAIN',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${jaas.slice(0, -1)} username="gateway" password="sesame";`,
    'offsets.topic.replication.factor': '1',
    'log.dirs': join(folder, 'logs'),
    'auto.create.topics.enable': 'true',
    'num.partitions': '1',
  };
  const file = join(folder, 'server.properties');
  writeFileSync(
    file,
    Object.entries(properties)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n'),
  );
  execFileSync('java', java('kafka.tools.StorageTool', 'format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', file));
  const process = spawn('java', java('kafka.Kafka', file), { stdio: ['ignore', 'inherit', 'inherit'] });
  return { port, process };
}

async function readAll(port: number, topic: string, count: number): Promise<string[]> {
  const consumer = new Consumer({
    groupId: 'reader',
    clientId: 'reader',
    bootstrapBrokers: [`127.0.0.1:${port}`],
    sasl: { mechanism: 'PLAIN', username: 'gateway', password: 'sesame' },
    deserializers: stringDeserializers,
    autocreateTopics: true,
  });
  const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false });
  const values: string[] = [];
  for await (const { value } of stream) {
    values.push(value);
    if (values.length === count) break;
  }
  await stream.close();
  await consumer.close(true);
  return values;
}

download();
const kafka = await startKafka();
try {
  const config = {
    broker_list: [`127.0.0.1:${kafka.port}`],
    topic: 'gateway-log',
    max_retry_count: 5,
    retry_backoff: 10,
    sasl_config: {
      security_protocol: 'SASL_PLAINTEXT',
      sasl_mechanisms: 'PLAIN',
      sasl_username: 'gateway',
      sasl_password: 'sesame',
    },
  };
  // Tried again until Kafka is there and has made the topic.
  const consumed = retrying(() => readAll(kafka.port, 'gateway-log', 100));
  const gateway = await testPlugin(plugin, {
    type: 'huawei/kafka_log',
    config,
    root: { throttling: { defaultPerSecond: 0 } },
  });
  for (let index = 0; index < 100; index += 1) await gateway.request('GET', `/${index}`);
  const lines = (await consumed).map((line) => JSON.parse(line) as { uri: string });
  assert.deepEqual(
    lines.map(({ uri }) => uri),
    Array.from({ length: 100 }, (_each, index) => `/${index}`),
  );
  await gateway.close();
  process.stdout.write(`Apache Kafka ${version}: 100 lines over SASL/PLAIN, in order\n`);
} finally {
  kafka.process.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 30) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}
