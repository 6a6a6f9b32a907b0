import { fileSink } from './file-sink.ts';
import { httpSink } from './http-sink.ts';
import { kafkaSink } from './kafka-sink.ts';
import type { Config } from './options.ts';
import type { Sink } from './sink.ts';
import { syslogSink } from './syslog-sink.ts';

/** Connects to nothing yet. The configuration has one of them, which `bind` has seen to. */
export function openSink({ file, http, syslog, kafka }: Config): Sink {
  if (file !== undefined) return fileSink(file.path);
  if (http !== undefined) return httpSink(http);
  if (syslog !== undefined) return syslogSink(syslog);
  if (kafka !== undefined) return kafkaSink(kafka);
  throw new Error('there is no place to send lines to');
}
