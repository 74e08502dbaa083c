import { Refusal } from '@plumbline/domain';
import type { AnyFacet, Brake, BrakeRelease, FacetName, ScrubSettings, ScrubStatus } from '@plumbline/domain';
import type { Operator } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { ScrubDesk, SettingsChange } from '@plumbline/registry';
import { remedyNamesOf } from './discrepancy-desk.js';
import type { DiscrepancyDesk } from './discrepancy-desk.js';
import { reportOf } from './scrub-report.js';
import type { ScrubReport } from './scrub-report.js';

export interface ScrubShown {
  /** By the registry's time, as all instants here. */
  readonly now: number;
  readonly status: ScrubStatus | null;
  /** Since the last whole pass ended, and since it began; null: there was none. */
  readonly lagMs: number | null;
  readonly oldestLookMs: number | null;
  readonly brakes: readonly Brake[];
  readonly releases: readonly BrakeRelease[];
  readonly settings: ScrubSettings;
}

interface ScrubControlsOptions {
  readonly desk: Pick<ScrubDesk, 'brakes' | 'release' | 'releases' | 'set' | 'settings' | 'status'>;
  readonly discrepancies: Pick<DiscrepancyDesk, 'matching'>;
  readonly facets: readonly AnyFacet[];
  /** The registry's time, as the scrubber reads it. */
  readonly now: () => number;
  readonly log: Log;
}

/** How far the scrubber has come, and what operators let it do. */
export class ScrubControls {
  constructor(private readonly by: ScrubControlsOptions) {}

  get now(): number {
    return this.by.now();
  }

  async show(): Promise<ScrubShown> {
    const { desk } = this.by;
    const [status, brakes, releases, settings] = await Promise.all([
      desk.status(),
      desk.brakes(),
      desk.releases(),
      desk.settings(),
    ]);
    const { now } = this;
    const since = (at: number | undefined) => (at === undefined ? null : Math.max(0, now - at));
    const [lagMs, oldestLookMs] = [since(status?.last?.endedAt), since(status?.last?.startedAt)];
    return { now, status, lagMs, oldestLookMs, brakes, releases, settings };
  }

  async report(): Promise<ScrubReport> {
    const { desk, discrepancies } = this.by;
    const [status, brakes, settings, all] = await Promise.all([
      desk.status(),
      desk.brakes(),
      desk.settings(),
      discrepancies.matching({}),
    ]);
    return reportOf({ pass: status?.last ?? null, brakes, settings, discrepancies: all });
  }

  /** @throws Refusal that names the remedies there are */
  async set(by: string, change: SettingsChange): Promise<ScrubSettings> {
    const known = remedyNamesOf(this.by.facets);
    const unknown = Object.keys(change.modes ?? {}).filter((name) => !known.includes(name));
    if (unknown.length > 0)
      throw new Refusal(
        'unprocessable_entity',
        `modes has no remedy named ${unknown.join(', ')}: there are ${known.join(', ')}`,
        { field: 'modes' },
      );
    const settings = await this.by.desk.set(change);
    this.by.log.warn({ by, change, settings }, 'operator set the scrubber');
    return settings;
  }

  /** @throws Refusal `not_found` when no brake is on */
  async release(facet: string, operator: Operator): Promise<Brake> {
    const known = this.by.facets.find(({ name }) => name === facet)?.name;
    const at = this.by.now();
    const brake = known === undefined ? null : await this.by.desk.release(known, { ...operator, at });
    if (brake === null) throw await this.noBrake(facet);
    this.by.log.warn({ brake, ...operator }, 'operator released a brake');
    return brake;
  }

  private async noBrake(facet: string): Promise<Refusal> {
    const braked: readonly FacetName[] = (await this.by.desk.brakes()).map((brake) => brake.facet);
    const on = braked.length === 0 ? 'no brake is on' : `brakes are on for ${braked.join(', ')}`;
    return new Refusal('not_found', `There is no brake on for ${facet}: ${on}.`);
  }
}
