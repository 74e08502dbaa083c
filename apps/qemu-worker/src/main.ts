import { readQemuWorkerConfig } from './config.js';
import { runQemuWorker } from './run.js';

await runQemuWorker(readQemuWorkerConfig(process.env));
