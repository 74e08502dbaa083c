import { Refusal, notFound } from '@plumbline/domain';
import type { AnyFacet, RepairAnswer } from '@plumbline/domain';
import type { Operator } from '@plumbline/engine';
import type { Log } from '@plumbline/platform';
import type { Discrepancies, ScrubDesk } from '@plumbline/registry';
import { remedyNamesOf } from './discrepancy-desk.js';
import { plannedOf, planOf } from './repair-plan.js';
import type { PlanFilter, RepairPlan } from './repair-plan.js';

interface RepairDeskOptions {
  readonly discrepancies: Pick<Discrepancies, 'named'>;
  readonly desk: Pick<ScrubDesk, 'answerOf' | 'brakes' | 'request' | 'requestOf' | 'settings'>;
  readonly facets: readonly AnyFacet[];
  readonly now: () => number;
  readonly log: Log;
}

export type RepairsShown =
  | ({ readonly state: 'done' } & RepairAnswer)
  | {
      readonly state: 'waiting';
      readonly hash: string;
      readonly by: string;
      readonly reason: string;
      readonly requestedAt: number;
    };

/** Plans of repairs: read by a person first, and carried out only as they were read. */
export class RepairDesk {
  constructor(private readonly by: RepairDeskOptions) {}

  /** @throws Refusal that names the remedies there are */
  async plan(filter: PlanFilter): Promise<RepairPlan> {
    const { desk, discrepancies, facets } = this.by;
    const known = remedyNamesOf(facets);
    if (filter.remedy !== undefined && !known.includes(filter.remedy))
      throw new Refusal('unprocessable_entity', `remedy must be one of ${known.join(', ')}`, {
        field: 'remedy',
      });
    const [named, brakes, settings] = await Promise.all([
      discrepancies.named(),
      desk.brakes(),
      desk.settings(),
    ]);
    return planOf(filter, { named, brakes, settings, facets });
  }

  /** Asks the scrubber that leads to carry it out. @throws Refusal `conflict` when something else would be done by now */
  async apply(filter: PlanFilter, hash: string, operator: Operator): Promise<RepairsShown> {
    const plan = await this.plan(filter);
    if (plan.hash !== hash)
      throw new Refusal(
        'conflict',
        'The facts have changed, or this hash is of another plan: plan again, read it, and apply with its hash.',
      );
    if (plan.would.length === 0)
      throw new Refusal(
        'conflict',
        'The plan is empty: nothing would be done. What is held says why under "held".',
      );
    const at = this.by.now();
    await this.by.desk.request({ hash, repairs: plannedOf(plan), ...operator, at });
    this.by.log.warn(
      { hash, filter, count: plan.would.length, ...operator },
      'operator applied a plan of repairs',
    );
    return { state: 'waiting', hash, ...operator, requestedAt: at };
  }

  /** @throws Refusal `not_found`: never asked for, or answered more than a day ago */
  async one(hash: string): Promise<RepairsShown> {
    if (!/^[0-9a-f]{64}$/.test(hash)) throw notFound();
    // In this order: a request goes as its answer comes.
    const request = await this.by.desk.requestOf(hash);
    if (request !== null) {
      const { at: requestedAt, by, reason } = request;
      return { state: 'waiting', hash, by, reason, requestedAt };
    }
    const answer = await this.by.desk.answerOf(hash);
    if (answer === null) throw notFound();
    return { state: 'done', ...answer };
  }
}
