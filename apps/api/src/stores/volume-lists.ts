import type { AccountId, VolumeRecord } from '@plumbline/domain';
import type { Kv, KvEntry, Layout } from '@plumbline/registry';

const HEX = [...'0123456789abcdef'];
/** Volumes kept in memory, over all accounts; beyond it the accounts not asked for the longest are forgotten. */
const VOLUMES_KEPT_MAX = 100_000;

/** Stands for the nonce of a sixteenth that no commit has touched. */
const NEVER = '';

interface Part {
  /** Nonce of the last commit in this sixteenth, read before the part was. */
  readonly nonce: string;
  readonly records: readonly VolumeRecord[];
}

interface Shelf {
  readonly parts: ReadonlyMap<string, Part>;
  /** All parts together, in the order of lists. */
  readonly records: readonly VolumeRecord[];
}

/**
 * Lists of an account's volumes from memory. An account is kept in sixteen parts by the first digit of the ids; every
 * commit writes a fresh nonce for its part. A list reads the sixteen nonces, and anew those parts whose nonce is another:
 * what it shows stood after it was asked, and a write costs the next list a sixteenth of the account.
 */
export class VolumeLists {
  private readonly shelves = new Map<AccountId, Shelf>();
  private kept = 0;

  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {}

  /** By time of creation: who walks through pages while volumes are made misses none. */
  async list(account: AccountId): Promise<readonly VolumeRecord[]> {
    const known = this.shelves.get(account);
    const nonces = await this.nonces(account);
    const stale = HEX.filter((hex) => known?.parts.get(hex)?.nonce !== (nonces.get(hex) ?? NEVER));
    if (known !== undefined && stale.length === 0) {
      this.keep(account, known);
      return known.records;
    }
    const fresh = await this.readParts(account, stale, nonces);
    const parts = new Map([...(known?.parts ?? []), ...fresh]);
    const shelf = { parts, records: [...parts.values()].flatMap(({ records }) => records).sort(byCreation) };
    this.keep(account, shelf);
    return shelf.records;
  }

  private async nonces(account: AccountId): Promise<ReadonlyMap<string, string>> {
    const [entries = []] = await this.kv.readTrees([this.layout.revsOf(account)]);
    return new Map(entries.map(({ key, value }) => [key.slice(-1), value]));
  }

  /** A sixteenth that no commit has ever touched has no nonce and no volume. */
  private async readParts(
    account: AccountId,
    stale: readonly string[],
    nonces: ReadonlyMap<string, string>,
  ): Promise<ReadonlyMap<string, Part>> {
    const touched = stale.filter((hex) => nonces.has(hex));
    const trees = await this.kv.readTrees(touched.map((hex) => this.layout.volumesWithHex(account, hex)));
    const partOf = (hex: string, entries: readonly KvEntry[] = []): [string, Part] => [
      hex,
      {
        nonce: nonces.get(hex) ?? NEVER,
        records: entries.map(({ value }) => JSON.parse(value) as VolumeRecord),
      },
    ];
    const read = touched.map((hex, at) => partOf(hex, trees[at]));
    const untouched = stale.filter((hex) => !nonces.has(hex)).map((hex) => partOf(hex));
    return new Map([...read, ...untouched]);
  }

  private keep(account: AccountId, shelf: Shelf): void {
    this.forget(account);
    this.shelves.set(account, shelf);
    this.kept += shelf.records.length;
    for (const oldest of this.shelves.keys()) {
      if (this.kept <= VOLUMES_KEPT_MAX || oldest === account) break;
      this.forget(oldest);
    }
  }

  private forget(account: AccountId): void {
    this.kept -= this.shelves.get(account)?.records.length ?? 0;
    this.shelves.delete(account);
  }
}

function byCreation(one: VolumeRecord, other: VolumeRecord): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}
