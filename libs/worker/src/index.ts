export * from './boots.js';
export * from './connect.js';
export * from './engine-context.js';
export * from './instrument.js';
export * from './lane-worker.js';
export * from './process.js';
export * from './version.js';
export * from './rewinds.js';
