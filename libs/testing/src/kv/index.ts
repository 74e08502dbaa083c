export * from './fake-store.js';
export * from './fake-consul.js';
export * from './fake-registry.js';
export * from './fake-witness.js';
export * from './describe-kv.js';
