export * from './agreement.js';
export * from './look.js';
export * from './system.js';
export { disksOf, lookAtAll } from './look.js';
