export * from './system.js';
export { disksOf, lookAtAll } from './look.js';
