import { readCephWorkerConfig } from './config.js';
import { runCephWorker } from './run.js';

await runCephWorker(readCephWorkerConfig(process.env));
