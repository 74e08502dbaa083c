export * from './device.js';
export * from './keys.js';
export * from './node.js';
