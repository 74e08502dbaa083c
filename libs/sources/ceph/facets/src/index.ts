export * from './image.js';
export * from './watch.js';
