export * from './action.js';
export * from './lane.js';
export * from './name.js';
export * from './owner.js';
export * from './slot.js';
export * from './tombstone.js';
export * from './usage.js';
