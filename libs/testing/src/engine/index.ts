export * from './describe-intent.js';
export * from './damages.js';
export * from './engine-world.js';
export * from './memory-sources.js';
