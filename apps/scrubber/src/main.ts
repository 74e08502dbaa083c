import { billingSubscription } from '@plumbline/billing-facets';
import { connectBilling } from '@plumbline/billing-adapter';
import { connectCeph, exitNow, witnessObjectOf } from '@plumbline/ceph-adapter';
import { cephImage } from '@plumbline/ceph-facets';
import type { Source } from '@plumbline/domain';
import { Purges, Requests, Scrubber } from '@plumbline/engine';
import { Counter, commonVariables, readConfig, secret, sleep, text, wholeNumber } from '@plumbline/platform';
import type { Shutdown } from '@plumbline/platform';
import { qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { Listener, Looks } from '@plumbline/queue';
import { AstrayRecords, Leadership, PendingWork, allTombstones } from '@plumbline/registry';
import { Boots, startProcess, untilConnected, watchRewinds } from '@plumbline/worker';
import type { Process } from '@plumbline/worker';
import { ParkedCount } from './parked.js';
import { FoundMetrics } from './metrics.js';
import { scrubberPorts } from './ports.js';
import { registrySources } from './registry-sources.js';
import { remoteSource } from './remote-source.js';
import { sweep } from './sweep.js';

const APP = 'scrubber';
const SWEEP_MS = 5000;
const REQUESTS_MS = 2000;
const FOLLOW_MS = 2000;
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
    volumesPerSecond: wholeNumber('PLUMBLINE_SCRUB_PER_SECOND', { min: 1, max: 100_000, otherwise: 100 }),
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
const sources = [
  ceph.facets.get(cephImage.name),
  ceph.trash,
  billing.facets.get(billingSubscription.name),
  ...[qemuNode, qemuDevice].map((facet) => remoteSource({ facet, hosts, looks })),
  ...registrySources(self.registry, astray),
].filter((source): source is Source => source !== undefined);

self.shutdown.atEnd('sources', async () => {
  await looks.close();
  listener.close();
  await ceph.close();
  await billing.close();
});
self.readiness.check('ceph', (signal) => ceph.ping(signal));
const { repairsPerHour, volumesPerSecond } = config;
const ports = scrubberPorts(self, {
  sources,
  astray,
  silenceMs: SILENCE_MS,
  repairsPerHour,
  volumesPerSecond,
});
const scrubber = new Scrubber(ports);
const requests = new Requests(ports);
const purges = new Purges({
  ...ports,
  tombstones: () => allTombstones(self.registry),
  keptMs: config.trashKeptMs,
  perSecond: config.purgesPerSecond,
});
const found = new FoundMetrics(self.metrics);
const leadership = new Leadership({ ...self.registry, boot: self.registry.boots.boot, of: 'leader' });
const parked = new ParkedCount(self.metrics);
const pending = new PendingWork(self.registry);
/** True until a sweep went well, and again after one that did not. */
let mayHaveBeenAway = true;
const rounds = Promise.all([
  asLeader(self, 'sweep', SWEEP_MS, async () => {
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
  asLeader(self, 'pass', config.passEveryMs, async () => {
    const report = await scrubber.pass(self.shutdown.signal);
    found.show(report, { discrepancies: scrubber.discrepancies, brakes: await ports.desk.brakes() });
    self.log.info({ ...report }, 'pass is done');
  }),
  asLeader(self, 'requests', REQUESTS_MS, async () => {
    await requests.round(self.shutdown.signal);
  }),
  asLeader(self, 'purge', config.purgeEveryMs, async () => {
    const count = await purges.round(self.shutdown.signal);
    if (count > 0) self.log.info({ count }, 'purges were recorded');
  }),
]);
self.shutdown.atEnd('rounds', () => rounds);
self.log.info({ boot: self.registry.boots.boot }, 'scrubber is ready');

/** Does something again and again while this process leads; who follows looks often whether the lead is free. */
async function asLeader(
  {
    log,
    metrics,
    registry,
    shutdown,
  }: Pick<Process, 'log' | 'metrics' | 'registry'> & { shutdown: Shutdown },
  what: string,
  everyMs: number,
  round: () => Promise<void>,
): Promise<void> {
  const failures = new Counter({
    name: `plumbline_${what}_failures_total`,
    help: `Rounds of the ${what} that failed.`,
    registers: [metrics],
  });
  while (!shutdown.signal.aborted) {
    let waitMs = FOLLOW_MS;
    try {
      if (registry.halts.known !== null) {
        mayHaveBeenAway = true; // When the halt ends all lanes are rung at once.
        scrubber.forget();
      } else if (await leadership.hold()) {
        waitMs = everyMs;
        await round();
      }
    } catch (err) {
      if (shutdown.signal.aborted) return;
      failures.inc();
      log.warn({ err, what }, 'round failed');
    }
    await sleep(waitMs, shutdown.signal).catch(() => undefined);
  }
}
