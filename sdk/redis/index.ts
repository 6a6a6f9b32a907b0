export { type RedisClient, createClient } from './client.ts';
export { RedisLink } from './link.ts';
export { type StorePlan, type StoreSource, planStore } from './plan.ts';
export { type RedisScript, runScript, scriptOf } from './script.ts';
export { type StoreMapping, StoreSchema } from './schema.ts';
