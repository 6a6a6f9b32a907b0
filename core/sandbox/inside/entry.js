// Runs in the isolate: what a sandboxed plugin's program exports.
export * as sdk from 'tapgate/sdk';
export { default as definition } from 'plugin';
