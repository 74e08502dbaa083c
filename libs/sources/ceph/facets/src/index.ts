export * from './image.js';
export * from './trash.js';
export * from './watch.js';
