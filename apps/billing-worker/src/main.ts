import { readBillingWorkerConfig } from './config.js';
import { runBillingWorker } from './run.js';

await runBillingWorker(readBillingWorkerConfig(process.env));
