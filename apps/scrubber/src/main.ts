import { connectBilling } from '@plumbline/billing-adapter';
import { connectCeph, exitNow, witnessObjectOf } from '@plumbline/ceph-adapter';
import { facetsIn } from '@plumbline/domain';
import type { Source } from '@plumbline/domain';
import { Purges, Requests, Scrubber } from '@plumbline/engine';
import {
  commonVariables,
  json,
  monotonicMs,
  readConfig,
  secret,
  text,
  wholeNumber,
} from '@plumbline/platform';
import * as qemu from '@plumbline/qemu-facets';
import { Listener, Looks, WAKE_CHANNEL } from '@plumbline/queue';
import type { Wake } from '@plumbline/queue';
import { AstrayRecords, Leadership, PendingWork, allTombstones } from '@plumbline/registry';
import { Boots, startProcess, untilConnected, watchRewinds } from '@plumbline/worker';
import { z } from 'zod';
import { Leader } from './leading.js';
import { ParkedCount } from './parked.js';
import { FoundMetrics } from './metrics.js';
import { scrubberPorts } from './ports.js';
import { registrySources } from './registry-sources.js';
import { remoteSource } from './remote-source.js';
import { sweep } from './sweep.js';
import { watched } from './watchdog.js';

const APP = 'scrubber';
const SWEEP_MS = 5000;
const REQUESTS_MS = 2000;
/** How often, between two passes, what was worked on a moment ago is looked at. */
const RECENT_MS = 5000;
const DEADLINE_MS = 10_000;
/** A silent boot is fenced after 8 s; what it had under way has ended then, or never will. */
const SILENCE_MS = 10_000;
const DAY_MS = 24 * 3600 * 1000;
const WEEK_MS = 7 * DAY_MS;
const YEAR_MS = 365 * DAY_MS;

const config = readConfig(
  {
    ...commonVariables(APP),
    cephConf: text('CEPH_CONF', { must: 'the path of a ceph.conf' }),
    cephUser: text('CEPH_USER', { must: 'the name of a cephx user, such as client.plumbline-scrub' }),
    databaseUrl: secret('DATABASE_URL'),
    volumesPerSecond: wholeNumber('PLUMBLINE_SCRUB_PER_SECOND', { min: 1, max: 100_000, otherwise: 50 }),
    sourcesPerSecond: json(
      'PLUMBLINE_SCRUB_SOURCES',
      z.partialRecord(z.enum(['registry', 'ceph', 'qemu', 'billing']), z.number().min(1).max(100_000)),
      {
        must: 'JSON such as {"ceph":50}: how many things a source is asked for in a second at most',
        otherwise: {},
      },
    ),
    passEveryMs: wholeNumber('PLUMBLINE_SCRUB_EVERY_MS', { min: 1000, max: 86_400_000, otherwise: 60_000 }),
    repairsPerHour: wholeNumber('PLUMBLINE_REPAIRS_PER_HOUR', { min: 0, max: 100_000, otherwise: 100 }),
    trashKeptMs: wholeNumber('PLUMBLINE_TRASH_KEPT_MS', { min: 0, max: YEAR_MS, otherwise: WEEK_MS }),
    purgeEveryMs: wholeNumber('PLUMBLINE_PURGE_EVERY_MS', { min: 1000, max: DAY_MS, otherwise: 60_000 }),
    purgesPerSecond: wholeNumber('PLUMBLINE_PURGES_PER_SECOND', { min: 1, max: 1000, otherwise: 5 }),
  },
  process.env,
);

const self = await startProcess({ app: APP, config, host: null, exit: exitNow });
const boots = new Boots(self);
await boots.start();
const ceph = await untilConnected(self, 'ceph', () =>
  connectCeph({
    conf: config.cephConf,
    user: config.cephUser,
    pools: config.regions.map(({ pool }) => pool),
    witnessObject: witnessObjectOf(config.registryPrefix),
    ownerOf: (address) => boots.view.ownerOf(address),
    onBlocklisted: () => {
      self.log.fatal({}, 'this client was blocklisted: the boot has to end');
      exitNow(1);
    },
  }),
);
await untilConnected(self, 'registry', () => self.registry.boots.noteAddress(ceph.address));
const rewinds = await watchRewinds(self, { witness: ceph.witness, role: 'reads' });
boots.takeOverWith(ceph, rewinds);
await boots.succeed({ fence: ceph, rewinds });
const billing = await connectBilling({
  url: config.databaseUrl,
  poolSize: 2,
  deadlines: { connectMs: DEADLINE_MS, statementMs: DEADLINE_MS },
});
const listener = new Listener({ redisUrl: config.redisUrl, name: config.name, log: self.log });
const looks = new Looks({ redis: self.redis, listener, log: self.log });
const hosts = config.regions.flatMap((region) => region.hosts);
const astray = new AstrayRecords();
const sources: readonly Source[] = [
  ...[...ceph.facets.values(), ceph.trash, ...billing.facets.values()].filter(
    ({ facet }) => facet.remedies.length > 0,
  ),
  ...facetsIn(qemu).map((facet) => remoteSource({ facet, hosts, looks })),
  ...registrySources(self.registry, astray),
];

self.shutdown.atEnd('sources', async () => {
  await looks.close();
  listener.close();
  await ceph.close();
  await billing.close();
});
self.readiness.check('ceph', (signal) => ceph.ping(signal));
const leader = new Leader({
  log: self.log,
  metrics: self.metrics,
  leadership: new Leadership({ ...self.registry, boot: self.registry.boots.boot, of: 'leader' }),
  signal: self.shutdown.signal,
  isHalted: () => self.registry.halts.known !== null,
  forget() {
    mayHaveBeenAway = true; // When the halt ends all lanes are rung at once.
    scrubber.forget();
  },
  exit: exitNow,
});
const { repairsPerHour, sourcesPerSecond, volumesPerSecond } = config;
const by = { sources, astray, silenceMs: SILENCE_MS, repairsPerHour, sourcesPerSecond, volumesPerSecond };
const ports = scrubberPorts(self, by);
const scrubber = new Scrubber(watched(ports, leader.watchdogOf('pass')));
const requests = new Requests(watched(ports, leader.watchdogOf('requests')));
const purges = new Purges({
  ...watched(ports, leader.watchdogOf('purge')),
  tombstones: () => allTombstones(self.registry),
  keptMs: config.trashKeptMs,
  perSecond: config.purgesPerSecond,
});
// Whoever follows hears it too: when it takes the lead it knows what was worked on.
void listener.listen(WAKE_CHANNEL, (message) => {
  for (const { resource } of message as readonly Wake[]) scrubber.noteChanged(resource);
});
const found = new FoundMetrics(self.metrics, { scrubber, isLeading: () => leader.isLeading });
const parked = new ParkedCount(self.metrics);
const pending = new PendingWork(self.registry);
/** When the next pass begins, on this process's own clock. */
let nextPassMs = Number.NEGATIVE_INFINITY;
/** True until a sweep went well, and again after one that did not. */
let mayHaveBeenAway = true;
const rounds = Promise.all([
  leader.rounds('sweep', SWEEP_MS, async () => {
    const wasAway = mayHaveBeenAway;
    mayHaveBeenAway = true;
    const { rung, refused, isFlushed } = await sweep(self, {
      wasAway,
      parked,
      pending,
      hosts: boots.view,
    });
    mayHaveBeenAway = refused > 0;
    if (rung + refused > 0) self.log.info({ rung, refused, isFlushed }, 'lanes that stood still were rung');
  }),
  leader.rounds('pass', Math.min(RECENT_MS, config.passEveryMs), async () => {
    if (monotonicMs() < nextPassMs) return await scrubber.recent(self.shutdown.signal);
    const report = await scrubber.pass(self.shutdown.signal);
    found.show(report, { discrepancies: scrubber.discrepancies, brakes: await ports.desk.brakes() });
    nextPassMs = monotonicMs() + config.passEveryMs;
    self.log.info({ ...report }, 'pass is done');
  }),
  leader.rounds('requests', REQUESTS_MS, async () => {
    await requests.round(self.shutdown.signal);
  }),
  leader.rounds('purge', config.purgeEveryMs, async () => {
    const count = await purges.round(self.shutdown.signal);
    if (count > 0) self.log.info({ count }, 'purges were recorded');
  }),
]);
self.shutdown.atEnd('rounds', () => rounds);
self.log.info({ boot: self.registry.boots.boot }, 'scrubber is ready');
