import { workQueuesOf } from '@plumbline/domain';
import type { AnyFacet, Region } from '@plumbline/domain';
import type { EngineContext } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { Looks, QueueWatch } from '@plumbline/queue';
import type { Halts, Kv, Layout, OwnBoot } from '@plumbline/registry';
import type { Services } from './app.module.js';
import type { PendingBound } from './pending-bound.js';
import { OperatorToken } from './http/bearer.guard.js';
import { Callers } from './http/caller.js';
import { Links } from './http/links.js';
import { Awaited, Intake } from './intake.js';
import type { Waiting } from './intake.js';
import { AccountBook } from './ops/account-book.js';
import { AdoptionDesk } from './ops/adoption-desk.js';
import { DiscrepancyDesk } from './ops/discrepancy-desk.js';
import { HaltDesk } from './ops/halt-desk.js';
import { IntentDesk } from './ops/intent-desk.js';
import { RepairDesk } from './ops/repair-desk.js';
import { ScrubControls } from './ops/scrub-controls.js';
import { StateBooks } from './ops/state-books.js';
import { ThrottleDesk } from './ops/throttle-desk.js';
import { Truths } from './ops/truths.js';
import { VmInventory } from './ops/vm-inventory.js';
import { RegistryActions, RegistryRequests, RegistryVolumes } from '@plumbline/registry';
import {
  RegistryAccounts,
  RegistryBoots,
  Discrepancies,
  RegistryLanes,
  RegistryTokens,
  RegistryVmBook,
  ScrubDesk,
  Throttles,
  readOwed,
} from '@plumbline/registry';
import { ActionFinder } from './v2/action-finder.js';
import { ActionRequests } from './v2/action-requests.js';
import { Creations } from './v2/creation.js';
import { Deletions } from './v2/deletion.js';
import { Presenter } from './v2/presenter.js';
import { VmFinder } from './v2/vm-finder.js';
import { VolumeFinder } from './v2/volume-finder.js';

/** What the outer world gives this process. */
export interface World {
  readonly kv: Kv;
  readonly layout: Layout;
  readonly boots: Pick<OwnBoot, 'registryNow'>;
  readonly halts: Halts;
  readonly engine: EngineContext;
  readonly looks: Pick<Looks, 'ask'>;
  readonly watch: Pick<QueueWatch, 'shown' | 'standings'>;
  readonly pending: PendingBound;
  /** Makes the waiting for what `look` tells the end of. */
  readonly waitingWith: (look: Awaited['look']) => Waiting;
  readonly facets: readonly AnyFacet[];
  readonly regions: readonly Region[];
  readonly opsToken: string;
  readonly publicUrl: string | null;
  readonly waitMs: number;
  readonly log: Log;
}

export function servicesOf(world: World): Services {
  const { engine, kv, layout, log, pending, regions, waitMs } = world;
  const now = (): number => engine.clock.now();
  const newId = (): string => engine.uuid();
  const registryNow = (): number => world.boots.registryNow();
  const volumes = new RegistryVolumes(kv, layout);
  const actions = new RegistryActions(kv, layout);
  const vms = new RegistryVmBook(kv, layout);
  const accounts = new RegistryAccounts(kv, layout);
  const tokens = new RegistryTokens(kv, layout);
  const lanes = new RegistryLanes(kv, layout);
  const awaited = new Awaited(actions.readEnds);
  const waiting = world.waitingWith(awaited.look);
  const intake = new Intake({ engine, waiting, awaited, pending, waitMs, log });
  const boots = new RegistryBoots(kv, layout);
  const requests = new RegistryRequests(kv, layout, registryNow);
  const { facets } = world;
  const book = new Discrepancies({ kv, layout });
  const discrepancies = new DiscrepancyDesk({
    discrepancies: book,
    facets,
    now: registryNow,
    log,
  });
  const scrubDesk = new ScrubDesk({ kv, layout });
  return [
    new AccountBook({ accounts, tokens, newId, now }),
    new ActionFinder(actions),
    new ActionRequests(engine.rules.catalog, intake),
    new AdoptionDesk({
      intake,
      journal: engine.journal,
      looks: world.looks,
      accounts,
      volumes,
      regions,
      newId,
      log,
    }),
    new Callers({
      token: (sha256) => tokens.read(sha256),
      account: (id) => accounts.read(id),
    }),
    new Creations({ intake, actions, requests, newId }),
    new Deletions(intake),
    discrepancies,
    new HaltDesk({ halts: world.halts, log }),
    new IntentDesk({ engine, lanes, actions, log }),
    new Links(world.publicUrl),
    new OperatorToken(world.opsToken),
    new Presenter(regions),
    new RepairDesk({ discrepancies: book, desk: scrubDesk, facets, now: registryNow, log }),
    new ScrubControls({ desk: scrubDesk, discrepancies, facets, now: registryNow, log }),
    new StateBooks({ lanes, boots }),
    new ThrottleDesk({
      queues: workQueuesOf(regions),
      throttles: new Throttles({ kv, layout }),
      watch: world.watch,
      boots,
      pending,
      now,
    }),
    new Truths({
      journal: engine.journal,
      looks: world.looks,
      // Of the registry all of it is shown as it stands: nobody has to be asked what it says of itself.
      facets: facets.filter(({ source }) => source !== 'registry'),
      rules: engine.rules,
      vms: () => vms.list(),
      owedOf: (id) => readOwed(kv, layout, id),
      discrepanciesOf: (id) => discrepancies.ofVolume(id),
      now,
    }),
    new VmFinder(vms),
    new VmInventory({ vms, accounts, regions, now }),
    new VolumeFinder(volumes, regions),
  ];
}
