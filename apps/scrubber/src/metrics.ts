import type { Brake, DiscrepancyRecord, PassReport } from '@plumbline/domain';
import type { Scrubber } from '@plumbline/engine';
import { Counter, Gauge } from '@plumbline/platform';
import type { Metrics } from '@plumbline/platform';

/** What a pass has come to, as numbers. Labels are facets, classes and states: as many as there are of these. */
export class FoundMetrics {
  private readonly found: Gauge<'facet' | 'class' | 'state'>;
  private readonly passes: Counter;
  private readonly seconds: Gauge;
  private readonly startedAt: Gauge;
  private readonly endedAt: Gauge;
  private readonly volumes: Gauge;
  private readonly unlisted: Gauge<'facet'>;
  private readonly unasked: Gauge<'facet'>;
  private readonly brakes: Gauge<'facet' | 'why'>;
  private readonly filed: Counter;

  constructor(
    metrics: Metrics,
    now: { readonly scrubber: Pick<Scrubber, 'coverage' | 'paces'>; readonly isLeading: () => boolean },
  ) {
    const registers = [metrics];
    showProgress(registers, now);
    this.found = new Gauge({
      name: 'plumbline_discrepancies',
      help: 'Discrepancies on the list.',
      labelNames: ['facet', 'class', 'state'],
      registers,
    });
    this.passes = new Counter({ name: 'plumbline_scrub_passes_total', help: 'Whole passes.', registers });
    this.seconds = new Gauge({
      name: 'plumbline_scrub_pass_seconds',
      help: 'How long the last whole pass took.',
      registers,
    });
    this.startedAt = new Gauge({
      name: 'plumbline_scrub_pass_started_timestamp_seconds',
      help: 'When the last whole pass began: nothing has gone unlooked at since before.',
      registers,
    });
    this.endedAt = new Gauge({
      name: 'plumbline_scrub_pass_ended_timestamp_seconds',
      help: 'When the last whole pass ended.',
      registers,
    });
    this.volumes = new Gauge({
      name: 'plumbline_scrub_volumes',
      help: 'Volumes that the last whole pass looked at.',
      registers,
    });
    this.unlisted = new Gauge({
      name: 'plumbline_scrub_unlisted',
      help: 'One for a facet that the last pass could not list, and so knows nothing of.',
      labelNames: ['facet'],
      registers,
    });
    this.unasked = new Gauge({
      name: 'plumbline_scrub_unasked',
      help: 'Things that the last pass expected where nobody answered, such as in a VM that hangs.',
      labelNames: ['facet'],
      registers,
    });
    this.brakes = new Gauge({
      name: 'plumbline_scrub_brake',
      help: 'One for a facet of which nothing is repaired until an operator says so.',
      labelNames: ['facet', 'why'],
      registers,
    });
    this.filed = new Counter({
      name: 'plumbline_repairs_recorded_total',
      help: 'Repairs that were recorded.',
      registers,
    });
  }

  show(
    report: PassReport,
    { brakes, discrepancies }: { brakes: readonly Brake[]; discrepancies: readonly DiscrepancyRecord[] },
  ): void {
    this.found.reset();
    for (const { class: sort, facet, state } of discrepancies) this.found.inc({ facet, class: sort, state });
    this.passes.inc();
    this.seconds.set((report.endedAt - report.startedAt) / 1000);
    this.startedAt.set(report.startedAt / 1000);
    this.endedAt.set(report.endedAt / 1000);
    this.volumes.set(report.volumes);
    for (const { facet, objects, unasked } of report.facets) {
      this.unlisted.set({ facet }, objects === null ? 1 : 0);
      this.unasked.set({ facet }, unasked);
    }
    this.brakes.reset();
    for (const { facet, why } of brakes) this.brakes.set({ facet, why }, 1);
    this.filed.inc(report.filed);
  }
}

/** How far the present pass is, and how fast: as it is when somebody asks. Who does not lead has nothing to say. */
function showProgress(
  registers: readonly Metrics[],
  { isLeading, scrubber }: { scrubber: Pick<Scrubber, 'coverage' | 'paces'>; isLeading: () => boolean },
): void {
  new Gauge({
    name: 'plumbline_scrub_coverage',
    help: 'What part of a facet the present pass has looked at; between two passes, the last one.',
    labelNames: ['facet'],
    registers: [...registers],
    collect() {
      this.reset();
      if (isLeading()) for (const { facet, share } of scrubber.coverage) this.set({ facet }, share);
    },
  });
  new Gauge({
    name: 'plumbline_scrub_pace',
    help: 'Things that a source is asked for in a second at most, as it is now.',
    labelNames: ['source'],
    registers: [...registers],
    collect() {
      this.reset();
      if (isLeading()) for (const { perSecond, source } of scrubber.paces) this.set({ source }, perSecond);
    },
  });
}
