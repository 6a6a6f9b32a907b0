import type { TracingConfig } from './options.ts';
import type { EncodableSpan, ResourceHolder } from './span.ts';

export interface Encoder {
  encode(spans: EncodableSpan[]): Uint8Array | undefined;
  /** How many spans of a message that was taken the collector did not want. */
  rejected(answer: Uint8Array): number;
}

/** Loads OpenTelemetry's encoders: only who traces waits for that. */
export async function loadEncoder(
  { encoding, service, resource }: TracingConfig,
  instance: string,
  holder: ResourceHolder,
): Promise<Encoder> {
  const [{ JsonTraceSerializer, ProtobufTraceSerializer }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/otlp-transformer'),
    import('@opentelemetry/resources'),
  ]);
  const own = { 'service.name': service, 'service.instance.id': instance };
  holder.resource = resourceFromAttributes({ ...own, ...resource });
  const serializer = encoding === 'json' ? JsonTraceSerializer : ProtobufTraceSerializer;
  return {
    encode: (spans) => serializer.serializeRequest(spans),
    rejected(answer) {
      try {
        // In JSON a number of 64 bits is a text, whatever the type says.
        const told: unknown = serializer.deserializeResponse(answer).partialSuccess?.rejectedSpans ?? 0;
        const count = Number(told);
        return Number.isSafeInteger(count) && count > 0 ? count : 0;
      } catch {
        return 0;
      }
    },
  };
}
