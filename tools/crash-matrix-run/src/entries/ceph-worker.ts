import { readCephWorkerConfig, runCephWorker } from '@plumbline/ceph-worker';
import { laneInstrument } from '../points/lane-instrument.js';
import { Points } from '../points/points.js';

/** Jobs that are held are under way: there must be room for all of them at once. */
const HELD_MAX = 96;

const config = { ...readCephWorkerConfig(process.env), concurrency: HELD_MAX };
await runCephWorker(config, laneInstrument(await Points.open(config)));
