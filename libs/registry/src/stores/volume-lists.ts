import type { AccountId, VolumeRecord } from '@plumbline/domain';
import type { Kv } from '../kv.js';
import type { Layout } from '../layout.js';
import { SharedWork } from './shared-work.js';

const HEX = [...'0123456789abcdef'];
/** Volumes kept in memory, over all accounts; beyond it the accounts not asked for the longest are forgotten. */
const VOLUMES_KEPT_MAX = 100_000;
/** Stands for the nonce of a sixteenth that no commit has touched: it has no volume either. */
const NEVER = '';

interface Part {
  /** Nonce of the last commit in this sixteenth, read before the part was. */
  readonly nonce: string;
  /** In the order of lists. */
  readonly records: readonly VolumeRecord[];
}

interface Shelf {
  /** By first digit. */
  readonly parts: readonly Part[];
  /** All parts together, in the order of lists. */
  readonly records: readonly VolumeRecord[];
}

/**
 * Lists of an account's volumes from memory. An account is kept in sixteen parts by the first digit of the ids; every
 * commit writes a fresh nonce for its part. A list reads the sixteen nonces, and anew those parts whose nonce is another:
 * what it shows stood after it was asked, and a write costs the next list a sixteenth of the account.
 *
 * Who has read the same nonces may share the work: a part read after somebody saw its nonce holds that commit, and nothing
 * older than what the other one saw.
 */
export class VolumeLists {
  private readonly shelves = new Map<AccountId, Shelf>();
  private kept = 0;
  private readonly parts = new SharedWork<Part>();
  private readonly refreshed = new SharedWork<Shelf>();

  constructor(
    private readonly kv: Kv,
    private readonly layout: Layout,
  ) {}

  /** By time of creation: who walks through pages while volumes are made misses none. */
  async list(account: AccountId): Promise<readonly VolumeRecord[]> {
    const nonces = await this.nonces(account);
    const known = this.shelves.get(account);
    const shelf = isFresh(known, nonces)
      ? known
      : await this.refreshed.of(`${account} ${nonces.join()}`, () => this.refresh(account, nonces));
    this.keep(account, shelf);
    return shelf.records;
  }

  private async nonces(account: AccountId): Promise<readonly string[]> {
    const [entries = []] = await this.kv.readTrees([this.layout.revsOf(account)]);
    const byHex = new Map(entries.map(({ key, value }) => [key.slice(-1), value]));
    return HEX.map((hex) => byHex.get(hex) ?? NEVER);
  }

  private async refresh(account: AccountId, nonces: readonly string[]): Promise<Shelf> {
    const known = this.shelves.get(account);
    const parts = await Promise.all(
      nonces.map(async (nonce, at) => {
        const part = known?.parts[at];
        return part?.nonce === nonce ? part : await this.readPart(account, HEX[at] ?? '', nonce);
      }),
    );
    return { parts, records: parts.flatMap(({ records }) => records).sort(byCreation) };
  }

  private async readPart(account: AccountId, hex: string, nonce: string): Promise<Part> {
    if (nonce === NEVER) return { nonce, records: [] };
    return await this.parts.of(`${account} ${hex} ${nonce}`, async () => {
      const [entries = []] = await this.kv.readTrees([this.layout.volumesWithHex(account, hex)]);
      const records = entries.map(({ value }) => JSON.parse(value) as VolumeRecord);
      return { nonce, records: records.sort(byCreation) };
    });
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

function isFresh(shelf: Shelf | undefined, nonces: readonly string[]): shelf is Shelf {
  return shelf !== undefined && nonces.every((nonce, at) => shelf.parts[at]?.nonce === nonce);
}

function byCreation(one: VolumeRecord, other: VolumeRecord): number {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1);
}
