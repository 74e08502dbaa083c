export { readQemuWorkerConfig } from './config.js';
export { runQemuWorker } from './run.js';
