import type {
  Brake,
  BrakeRelease,
  FacetName,
  RepairAnswer,
  RepairRequest,
  ScrubMode,
  ScrubSettings,
  ScrubStatus,
} from '@plumbline/domain';
import type { Fold, Kv } from './kv.js';
import type { Layout } from './layout.js';
import { readOne, readTree } from './stores/entries.js';

/** What an operator changes of the settings: what is not named stays. */
export interface SettingsChange {
  readonly modes?: Readonly<Record<string, ScrubMode>>;
  readonly repairsPerHour?: number | null;
  readonly paused?: boolean;
}

const AS_CONFIGURED: ScrubSettings = { modes: {}, repairsPerHour: null, paused: false };

/** What stands between finding and repairing: settings, brakes, and how far the scrubber has come. Every call may throw a Refusal. */
export class ScrubDesk {
  constructor(private readonly by: { kv: Kv; layout: Layout }) {}

  async settings(): Promise<ScrubSettings> {
    return (await this.read<ScrubSettings>('settings')) ?? AS_CONFIGURED;
  }

  /** A mode that is set to `repair` is as if it had never been set. */
  async set(change: SettingsChange): Promise<ScrubSettings> {
    let after = AS_CONFIGURED;
    await this.fold('settings', (value) => {
      const before = value === null ? AS_CONFIGURED : (JSON.parse(value) as ScrubSettings);
      const modes = Object.entries({ ...before.modes, ...change.modes });
      after = {
        modes: Object.fromEntries(modes.filter(([, mode]) => mode !== 'repair')),
        repairsPerHour: change.repairsPerHour === undefined ? before.repairsPerHour : change.repairsPerHour,
        paused: change.paused ?? before.paused,
      };
      return JSON.stringify(after);
    });
    return after;
  }

  async brakes(): Promise<readonly Brake[]> {
    return await readTree<Brake>(this.by.kv, this.by.layout.scrubBrakes);
  }

  /** One that is on stays as it was engaged. */
  async engage(brake: Brake): Promise<void> {
    await this.foldKey(this.by.layout.scrubBrake(brake.facet), (value) => value ?? JSON.stringify(brake));
  }

  /** @returns the brake that was on; null: there was none */
  async release(facet: FacetName, word: Omit<BrakeRelease, 'facet' | 'wrong'>): Promise<Brake | null> {
    const key = this.by.layout.scrubBrake(facet);
    const brake = await readOne<Brake>(this.by.kv, key);
    if (brake === null) return null;
    const release: BrakeRelease = { facet, wrong: brake.wrong, ...word };
    await this.foldKey(this.by.layout.scrubRelease(facet), () => JSON.stringify(release));
    await this.foldKey(key, () => null);
    return brake;
  }

  async releases(): Promise<readonly BrakeRelease[]> {
    return await readTree<BrakeRelease>(this.by.kv, this.by.layout.scrubReleases);
  }

  async expire({ facet }: BrakeRelease): Promise<void> {
    await this.foldKey(this.by.layout.scrubRelease(facet), () => null);
  }

  async requests(): Promise<readonly RepairRequest[]> {
    return await readTree<RepairRequest>(this.by.kv, this.by.layout.scrubRequests);
  }

  async requestOf(hash: string): Promise<RepairRequest | null> {
    return await readOne<RepairRequest>(this.by.kv, this.by.layout.scrubRequest(hash));
  }

  /** One that waits already stays as it is; what became of an earlier one is forgotten. */
  async request(request: RepairRequest): Promise<void> {
    const { layout } = this.by;
    await this.foldKey(layout.scrubRequest(request.hash), (value) => value ?? JSON.stringify(request), [
      { key: layout.scrubAnswer(request.hash), fold: () => null },
    ]);
  }

  /** The request is done with. */
  async answer(answer: RepairAnswer): Promise<void> {
    const { layout } = this.by;
    await this.foldKey(layout.scrubAnswer(answer.hash), () => JSON.stringify(answer), [
      { key: layout.scrubRequest(answer.hash), fold: () => null },
    ]);
  }

  async answerOf(hash: string): Promise<RepairAnswer | null> {
    return await readOne<RepairAnswer>(this.by.kv, this.by.layout.scrubAnswer(hash));
  }

  async answers(): Promise<readonly RepairAnswer[]> {
    return await readTree<RepairAnswer>(this.by.kv, this.by.layout.scrubAnswers);
  }

  async forget({ hash }: RepairAnswer): Promise<void> {
    await this.foldKey(this.by.layout.scrubAnswer(hash), () => null);
  }

  async knownFloor(): Promise<number | null> {
    return (await this.read<{ revFloor: number }>('floor'))?.revFloor ?? null;
  }

  async knowFloor(revFloor: number): Promise<void> {
    await this.fold('floor', () => JSON.stringify({ revFloor }));
  }

  async status(): Promise<ScrubStatus | null> {
    return await this.read<ScrubStatus>('status');
  }

  async publish(status: ScrubStatus): Promise<void> {
    await this.fold('status', () => JSON.stringify(status));
  }

  private async read<T>(name: string): Promise<T | null> {
    return await readOne<T>(this.by.kv, this.by.layout.scrub(name));
  }

  private async fold(name: string, fold: (value: string | null) => string | null): Promise<void> {
    await this.foldKey(this.by.layout.scrub(name), fold);
  }

  /** @param more what is written with it, or not at all */
  private async foldKey(
    key: string,
    fold: (value: string | null) => string | null,
    more: readonly Fold[] = [],
  ): Promise<void> {
    let written: string | null = null;
    await this.by.kv.transact({
      ops: [],
      folds: [{ key, fold: (value) => (written = fold(value)) }, ...more],
      proof: { key, landed: (entry) => (entry?.value ?? null) === written },
    });
  }
}
