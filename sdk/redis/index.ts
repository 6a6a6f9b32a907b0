export type { RedisClient } from './client.ts';
export { type LinkPlan, RedisLink } from './link.ts';
export { type StorePlan, type StoreSource, planStore } from './plan.ts';
export { runScript, scriptOf } from './script.ts';
export { StoreSchema } from './schema.ts';
