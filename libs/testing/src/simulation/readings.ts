import { Refusal } from '@plumbline/domain';
import type { AccountRecord, VolumeId, VolumeRecord } from '@plumbline/domain';
import type { Made, SimulatedApi } from './api.js';
import type { World } from './world.js';

/**
 * What customers are shown (V2). A reading is true if what it says stood in the registry at some instant between its
 * question and its answer; so nobody's readings ever go back in time, whichever api answers.
 */
export class Readings {
  constructor(private readonly world: World) {}

  /** @returns the refusal; null: it was shown; `lost`: nobody answered */
  async find(api: SimulatedApi, by: AccountRecord, id: VolumeId): Promise<Refusal | null | 'lost'> {
    const { world } = this;
    const sentMs = world.pool.nowMs;
    try {
      const record = await api.find(by, id);
      this.expectStood(record, sentMs);
      world.faults.see('read-answered');
      return null;
    } catch (error) {
      if (api.state === 'dead' || !(error instanceof Refusal)) return this.failed(api, error);
      if (error.code === 'not_found') this.expectMissed(by, `volume/${id}`, sentMs);
      return error;
    }
  }

  async list(api: SimulatedApi, by: AccountRecord): Promise<void> {
    const { world } = this;
    const sentMs = world.pool.nowMs;
    try {
      const records = await api.list(by);
      const shown = new Set<string>(records.map(({ id }) => id));
      for (const record of records) {
        this.expectStood(record, sentMs);
        if (record.account !== by.id)
          world.mistake('B3', 'a list shows what is another account’s', `volume/${record.id}`);
      }
      for (const [resource, { account, id }] of world.register.records)
        if (account === by.id && !shown.has(id)) this.expectMissed(by, resource, sentMs);
      world.faults.see('list-answered');
    } catch (error) {
      if (!(error instanceof Refusal)) this.failed(api, error);
    }
  }

  /** Of a request that waited: its end is in the registry, and so is what it shows. */
  expectTrue({ action, record }: Made, sentMs: number): void {
    const { world } = this;
    const stored = world.actionAt(action);
    if (stored === null || (action.status !== 'in-progress' && stored.status === 'in-progress'))
      world.mistake('V2', `an action is shown that is not there: ${action.status}`, action.resource);
    if (record !== null) this.expectStood(record, sentMs);
    const isMade = action.kind === 'volume-create' && action.status === 'completed';
    if (isMade && !world.register.versions.has(action.resource.slice(-36)))
      world.mistake('V2', 'a volume was shown before its commit', action.resource);
  }

  private expectStood(record: VolumeRecord, sentMs: number): void {
    const versions = this.world.register.versions.get(record.id) ?? [];
    const version = versions.find(({ record: { rev } }) => rev === record.rev);
    const isTrue =
      version !== undefined && version.untilMs >= sentMs && version.text === JSON.stringify(record);
    if (!isTrue)
      this.world.mistake(
        'V2',
        `rev ${record.rev} was shown, which did not stand then`,
        `volume/${record.id}`,
      );
  }

  /** What stood all the time is not told to be missing. */
  private expectMissed(by: AccountRecord, resource: string, sentMs: number): void {
    const versions = this.world.register.versions.get(resource.slice(-36)) ?? [];
    const [first] = versions;
    const last = versions.at(-1);
    const stoodAllTheTime =
      first !== undefined &&
      first.record.account === by.id &&
      first.sinceMs < sentMs &&
      last?.untilMs === Number.POSITIVE_INFINITY;
    if (stoodAllTheTime) this.world.mistake('V2', 'a volume was not shown that is there', resource);
  }

  private failed(api: SimulatedApi, error: unknown): 'lost' {
    if (api.state !== 'dead') this.world.mistake('V2', `a reading failed: ${String(error)}`);
    return 'lost';
  }
}
