export * from './agreement.js';
export * from './by-hand.js';
export * from './drift.js';
export * from './drifts.js';
export * from './look.js';
export * from './scrub-desk.js';
export * from './system.js';
