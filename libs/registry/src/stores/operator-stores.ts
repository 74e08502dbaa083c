import { SOURCES, volumeResource } from '@plumbline/domain';
import type {
  AccountId,
  AccountRecord,
  BootRecord,
  IntentId,
  Lane,
  OwedFact,
  ResourceName,
  SourceName,
  TokenRecord,
  VmId,
  VmRecord,
  VolumeId,
} from '@plumbline/domain';
import type { Kv, KvOp } from '../kv.js';
import { allLanes } from '../lanes.js';
import type { Layout } from '../layout.js';
import { RegistryVms } from './customer-stores.js';
import { parseEntry, readGuarded, readOne, readPage, readTree } from './entries.js';
import type { Accounts, Boots, Guarded, Lanes, Listing, Tokens, VmBook } from './ports.js';

export class RegistryAccounts implements Accounts {
  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {}

  async find(id: AccountId): Promise<AccountRecord | null> {
    return (await this.read(id)).value;
  }

  async read(id: AccountId): Promise<Guarded<AccountRecord>> {
    return await readGuarded<AccountRecord>(this.kv, this.layout.account(id));
  }

  async list(): Promise<readonly AccountRecord[]> {
    return await readTree<AccountRecord>(this.kv, this.layout.accounts);
  }

  async create(record: AccountRecord): Promise<void> {
    await createKey(this.kv, this.layout.account(record.id), record);
  }
}

export class RegistryTokens implements Tokens {
  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {}

  async read(sha256: string): Promise<Guarded<TokenRecord>> {
    return await readGuarded<TokenRecord>(this.kv, this.layout.token(sha256));
  }

  async create(sha256: string, record: TokenRecord): Promise<void> {
    await createKey(this.kv, this.layout.token(sha256), record);
  }

  async listOf(account: AccountId): Promise<readonly TokenRecord[]> {
    const all = await readTree<TokenRecord>(this.kv, this.layout.tokens);
    return all.filter((token) => token.account === account);
  }

  async revoke(account: AccountId, id: string): Promise<boolean> {
    const [entries = []] = await this.kv.readTrees([this.layout.tokens]);
    const entry = entries.find(({ value }) => {
      const token = JSON.parse(value) as TokenRecord;
      return token.id === id && token.account === account;
    });
    if (entry === undefined) return false;
    const { key } = entry;
    await this.kv.transact({
      ops: [{ verb: 'delete', key }],
      proof: { key, landed: (found) => found === null },
    });
    return true;
  }
}

export class RegistryVmBook extends RegistryVms implements VmBook {
  /** Slots change beside this, by attaching and detaching: the change is folded over what stands when it is written. */
  async put(id: VmId, change: (before: VmRecord | null) => VmRecord): Promise<VmRecord> {
    const key = this.layout.vm(id);
    let written = '';
    await this.kv.transact({
      ops: [],
      folds: [
        {
          key,
          fold: (value) =>
            (written = JSON.stringify(change(value === null ? null : (JSON.parse(value) as VmRecord)))),
        },
      ],
      proof: { key, landed: (found) => found?.value === written },
    });
    return JSON.parse(written) as VmRecord;
  }
}

export class RegistryLanes implements Lanes {
  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {}

  async find(resource: ResourceName): Promise<Lane | null> {
    return await readOne<Lane>(this.kv, this.layout.lane(resource));
  }

  async ofIntent(intent: IntentId): Promise<Lane | null> {
    const all = allLanes({ kv: this.kv, layout: this.layout });
    for await (const { lane } of all) if (lane.entries.some((entry) => entry.intent === intent)) return lane;
    return null;
  }

  async page(from: number, count: number): Promise<Listing<Lane>> {
    return await readPage<Lane>(this.kv, { prefix: this.layout.lanes, from, count });
  }
}

export class RegistryBoots implements Boots {
  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {}

  async list() {
    const { boots, beats } = this.layout;
    const [alive = [], beaten = []] = await this.kv.readTrees([boots, beats]);
    const counts = new Map(beaten.map(({ key, value }) => [key.slice(beats.length), value]));
    return alive.map(({ value }) => {
      const { nonce: _nonce, ...record } = JSON.parse(value) as BootRecord;
      const beat = counts.get(record.boot);
      return { ...record, beats: beat === undefined ? null : (JSON.parse(beat) as { beats: number }).beats };
    });
  }
}

/** What derived sources have still to learn of a volume. */
export async function readOwed(kv: Kv, layout: Layout, id: VolumeId): Promise<readonly OwedFact[]> {
  const sources = Object.keys(SOURCES) as SourceName[];
  const trees = await kv.readTrees(sources.map((source) => layout.owedOf(source, volumeResource(id))));
  return trees.flat().flatMap((entry) => parseEntry<OwedFact>(entry) ?? []);
}

/** Keys made here have fresh random names: that one is taken cannot be. */
async function createKey(kv: Kv, key: string, record: object): Promise<void> {
  const value = JSON.stringify(record);
  const ops: KvOp[] = [{ verb: 'cas', key, value, index: 0 }];
  await kv.transact({ ops, proof: { key, landed: (found) => found?.value === value } });
}
