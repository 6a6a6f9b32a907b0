// What a plugin's test needs. Unlike the rest of `sdk/`, it runs the real kernel, so it imports `core/`.
export { testGateway, type GatewayTest, type TestGateway } from './gateway.ts';
export { testPlugin, type PluginTest } from './plugin.ts';
export type { Answer, RequestOptions } from './request.ts';
export type { BackendRequest, MemoryBackend } from './backend.ts';
export { VirtualClock } from './clock.ts';
export { TestMachine, lonelyMachine, type TestWorker } from './machine.ts';
