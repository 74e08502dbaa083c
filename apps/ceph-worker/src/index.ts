export { readCephWorkerConfig } from './config.js';
export { runCephWorker } from './run.js';
