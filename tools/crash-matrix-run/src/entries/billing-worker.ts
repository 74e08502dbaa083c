import { readBillingWorkerConfig, runBillingWorker } from '@plumbline/billing-worker';
import { owedInstrument } from '../points/owed-instrument.js';
import { Points } from '../points/points.js';

const config = readBillingWorkerConfig(process.env);
await runBillingWorker(config, owedInstrument(await Points.open(config)));
