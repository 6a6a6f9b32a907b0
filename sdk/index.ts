// All that a plugin may import. What is not exported here is not part of the contract.
export { Type } from 'typebox';
export type { Static, TSchema } from 'typebox';
export * from './allowed.ts';
export * from './body-stream.ts';
export * from './channels.ts';
export * from './exchange.ts';
export * from './fields.ts';
export * from './function-event.ts';
export * from './host-table.ts';
export * from './machine.ts';
export * from './management.ts';
export * from './params.ts';
export * from './per-connection.ts';
export * from './plugin.ts';
export * from './refusals.ts';
export * from './reply.ts';
export * from './schema.ts';
export * from './services.ts';
