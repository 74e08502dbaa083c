export { readBillingWorkerConfig } from './config.js';
export { runBillingWorker } from './run.js';
