export * from './conformance/index.js';
export * from './billing/index.js';
export * from './kv/index.js';
export * from './qemu/index.js';
export * from './engine/index.js';
export * from './network/index.js';
export * from './stack/index.js';
