import { parseVolumeId, volumeResource } from '@plumbline/domain';
import type { AnyFacet, Journal, OwedFact, QueueName, Snapshot, VmRecord, VolumeId } from '@plumbline/domain';
import type { Rules } from '@plumbline/engine';
import type { Looks } from '@plumbline/queue';
import type { DiscrepancyShown } from './discrepancy-desk.js';
import { judge, queueOfQuestion, questionsOf, verdictOf } from './truth.js';
import type { FacetTruth, Question, Sight, Verdict } from './truth.js';

/** How long a source may take to say what it sees. */
const LOOK_MS = 3000;

export interface Truth {
  readonly volume: VolumeId;
  readonly verdict: Verdict;
  readonly lookedAt: string;
  readonly record: Snapshot['record'];
  readonly tombstone: Snapshot['tombstone'];
  readonly facets: readonly FacetTruth[];
  /** What is under way, with its ledger. */
  readonly lane: Snapshot['lane'];
  /** What derived sources have still to learn. */
  readonly owed: readonly OwedFact[];
  /** What the scrubber has found of it. */
  readonly discrepancies: readonly DiscrepancyShown[];
}

interface TruthsOptions {
  readonly journal: Pick<Journal, 'read'>;
  readonly looks: Pick<Looks, 'ask'>;
  readonly facets: readonly AnyFacet[];
  readonly rules: Rules;
  readonly vms: () => Promise<readonly VmRecord[]>;
  readonly owedOf: (id: VolumeId) => Promise<readonly OwedFact[]>;
  readonly discrepanciesOf: (id: VolumeId) => Promise<readonly DiscrepancyShown[]>;
  readonly now: () => number;
}

/** What each source says of a volume. The only answer put together from several sources: it is there to compare them. */
export class Truths {
  constructor(private readonly by: TruthsOptions) {}

  /** Null: nobody has ever heard of it. @throws Refusal when the registry cannot be asked */
  async of(text: string): Promise<Truth | null> {
    const id = parseVolumeId(text);
    if (id === null) return null;
    const { facets, journal, rules } = this.by;
    const resource = volumeResource(id);
    const [before, vms, owed, discrepancies] = await Promise.all([
      journal.read(resource),
      this.by.vms(),
      this.by.owedOf(id),
      this.by.discrepanciesOf(id),
    ]);
    const questions = questionsOf(before, { facets, vms, rules });
    if (questions === null) return null;
    const sights = await this.lookAt(questions);
    const after = await journal.read(resource);
    const truths = questions.flatMap((question, at) => judge(question, sights[at] ?? NO_SIGHT) ?? []);
    // What was seen while the volume changed is of no one moment.
    const busy = before.lane !== null || owed.length > 0 || !isSame(before, after);
    return {
      volume: id,
      verdict: verdictOf(truths, busy),
      lookedAt: new Date(this.by.now()).toISOString(),
      record: before.record,
      tombstone: before.tombstone,
      facets: truths,
      lane: before.lane,
      owed,
      discrepancies,
    };
  }

  /** One question a queue: whoever is silent makes only his own answers unknown. */
  private async lookAt(questions: readonly Question[]): Promise<readonly Sight[]> {
    const byQueue = new Map<QueueName, Question[]>();
    for (const question of questions) {
      const queue = queueOfQuestion(question);
      byQueue.set(queue, [...(byQueue.get(queue) ?? []), question]);
    }
    const sights = new Map<Question, Sight>();
    const asked = [...byQueue].map(async ([queue, asked]) => {
      const places = asked.map(({ facet, key, host }) => ({
        facet: facet.name,
        key,
        ...(host === undefined ? {} : { host }),
      }));
      const answers = await this.by.looks.ask(queue, places, LOOK_MS);
      asked.forEach((question, at) => sights.set(question, answers[at] ?? NO_SIGHT));
    });
    await Promise.all(asked);
    return questions.map((question) => sights.get(question) ?? NO_SIGHT);
  }
}

const NO_SIGHT: Sight = { unknown: 'nobody answered' };

function isSame(before: Snapshot, after: Snapshot): boolean {
  return before.recordIndex === after.recordIndex && before.laneIndex === after.laneIndex;
}
