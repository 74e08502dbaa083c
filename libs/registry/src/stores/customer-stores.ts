import type {
  AccountId,
  ActionNumber,
  ActionRecord,
  Instant,
  IntentId,
  RegionSlug,
  VmId,
  VmRecord,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import { volumeIdOf } from '@plumbline/domain';
import type { Kv } from '../kv.js';
import type { Layout } from '../layout.js';
import { numbersIn, pendingOf } from '../volume-intents.js';
import { parseEntry, readMany, readOne, readTree } from './entries.js';
import type { Actions, RequestRecord, Requests, Vms, Volumes } from './ports.js';
import { VolumeLists } from './volume-lists.js';

/** Actions of one volume among which an intent's is looked for. */
const ACTIONS_SEARCHED_MAX = 600;

/** Where an action is found. */
type ActionPlace = Pick<ActionRecord, 'account' | 'n' | 'resource' | 'internal'>;

/** The registry's keys as the customers' side reads them. */
export class RegistryVolumes implements Volumes {
  private readonly lists: VolumeLists;

  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {
    this.lists = new VolumeLists(kv, layout);
  }

  async find(account: AccountId, id: VolumeId): Promise<VolumeRecord | null> {
    return await readOne<VolumeRecord>(this.kv, this.layout.volume(account, id));
  }

  async idByName(of: { account: AccountId; region: RegionSlug; name: string }): Promise<VolumeId | null> {
    const [entry] = await this.kv.read([this.layout.name({ ...of, kind: 'volume' })]);
    return entry ? (entry.value as VolumeId) : null;
  }

  async list(account: AccountId): Promise<readonly VolumeRecord[]> {
    return await this.lists.list(account);
  }
}

export class RegistryActions implements Actions {
  constructor(
    readonly kv: Kv,
    readonly layout: Layout,
  ) {}

  async find(account: AccountId, n: ActionNumber): Promise<ActionRecord | null> {
    return await readOne<ActionRecord>(this.kv, this.layout.action(account, n));
  }

  async numbers(of: { account: AccountId } | { volume: VolumeId }): Promise<readonly ActionNumber[]> {
    if ('volume' in of) return await this.numbersOf(of.volume);
    const prefix = this.layout.actionsOf(of.account);
    return numbersIn(await this.kv.keys(prefix), prefix);
  }

  /** Who asks sees repairs and the like no more in a lane than afterwards: the keys of customers' actions tell which are theirs. */
  private async numbersOf(volume: VolumeId): Promise<readonly ActionNumber[]> {
    const pending = await pendingOf(this, volume);
    const prefix = this.layout.volumeActionsOf(volume);
    const ended = numbersIn(await this.kv.keys(prefix), prefix);
    const waiting = pending.filter(({ action }) => !ended.includes(action));
    const theirs = await readMany<ActionRecord>(
      this.kv,
      waiting.map(({ account, action }) => this.layout.action(account, action)),
    );
    return [...ended, ...theirs.map(({ n }) => n)].sort((one, other) => one - other);
  }

  async findAll(account: AccountId, numbers: readonly ActionNumber[]): Promise<readonly ActionRecord[]> {
    return await readMany<ActionRecord>(
      this.kv,
      numbers.map((n) => this.layout.action(account, n)),
    );
  }

  async ofIntent(volume: VolumeId, intent: IntentId): Promise<ActionRecord | null> {
    const { layout } = this;
    const customers = await this.newest(layout.volumeActionsOf(volume), (...of) => layout.action(...of));
    const internal = await this.newest(layout.internalVolumeActionsOf(volume), (...of) =>
      layout.internalAction(...of),
    );
    return [...customers, ...internal].find((one) => one.intent === intent) ?? null;
  }

  private async newest(prefix: string, keyOf: Layout['action']): Promise<readonly ActionRecord[]> {
    const [entries = []] = await this.kv.readTrees([prefix]);
    const keys = entries
      .slice(-ACTIONS_SEARCHED_MAX)
      .map(({ key, value }) => keyOf(value as AccountId, Number(key.slice(prefix.length)) as ActionNumber));
    return await readMany<ActionRecord>(this.kv, keys);
  }

  /** An action and its volume as they stood together, for each place. */
  readonly readEnds = async (places: readonly ActionPlace[]) => {
    return await Promise.all(
      places.map(async ({ account, internal, n, resource }) => {
        const { layout } = this;
        const [action, record] = await this.kv.read([
          internal === true ? layout.internalAction(account, n) : layout.action(account, n),
          this.layout.volume(account, volumeIdOf(resource)),
        ]);
        return { action: parseEntry<ActionRecord>(action), record: parseEntry<VolumeRecord>(record) };
      }),
    );
  };
}

export class RegistryVms implements Vms {
  constructor(
    protected readonly kv: Kv,
    protected readonly layout: Layout,
  ) {}

  async find(id: VmId): Promise<VmRecord | null> {
    return await readOne<VmRecord>(this.kv, this.layout.vm(id));
  }

  async list(): Promise<readonly VmRecord[]> {
    return await readTree<VmRecord>(this.kv, this.layout.vms);
  }
}

const KEY_LIFE_MS = 24 * 3600 * 1000;

export class RegistryRequests implements Requests {
  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
    /** By the registry's own clock: a process whose clock is off would let keys expire that others have just used. */
    readonly now: () => Instant,
  ) {}

  /** One that is too old is removed, so that its key may be used anew. */
  async find(account: AccountId, requestKey: string): Promise<RequestRecord | null> {
    const key = this.layout.request(account, requestKey);
    const [entry] = await this.kv.read([key]);
    const record = parseEntry<RequestRecord>(entry);
    if (!entry || record === null || this.now() - record.at < KEY_LIFE_MS) return record;
    await this.kv.transact({
      ops: [
        { verb: 'check-index', key, index: entry.index },
        { verb: 'delete-cas', key, index: entry.index },
      ],
      proof: { key, landed: (found) => found === null },
    });
    return null;
  }
}
