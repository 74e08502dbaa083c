import { InvariantError, Refusal } from '@plumbline/domain';
import type {
  Attempt,
  FacetName,
  FootprintDelta,
  HeadChange,
  Json,
  LaneEntry,
  LedgerEntry,
  LedgerStage,
  Snapshot,
  VolumeRecord,
} from '@plumbline/domain';
import { deltaBetween } from './footprint.js';
import type { EngineContext, WorkerContext } from './ports.js';

const CONFLICTS_MAX = 8;

/** Somebody else has the head now: nothing more may be written or touched. */
export class LostTurn extends Error {}

/** What one write of a turn changes: the head as it becomes (null: settled), and what goes with it. */
export type Edit = { readonly head: LaneEntry | null; readonly dropNext?: number } & Pick<
  HeadChange,
  'record' | 'tombstone' | 'actions' | 'owed' | 'claims'
>;

/**
 * One boot's turn at a head intent. Every write is a transaction on the lane's index; when another writer came between,
 * the nonce tells whether it only appended: then the same edit is made to what stands now.
 */
export class Turn {
  /** Ledger lines that wait for the next write: `done` goes out together with what follows it. */
  private noted: LedgerEntry[] = [];

  private constructor(
    private readonly context: WorkerContext,
    readonly attempt: Attempt,
    private current: Snapshot,
  ) {}

  /** Wins the turn at exactly what was read, or returns null. `started` lines given here go with the attempt. */
  static async take(
    context: WorkerContext,
    from: Snapshot,
    head: LaneEntry,
    firstLine: (turn: number) => LedgerEntry | null,
  ): Promise<Turn | null> {
    const turn = head.turns + 1;
    const attempt = { boot: context.boots.self, nonce: context.nonce(), turn };
    const line = firstLine(turn);
    const mine = {
      ...head,
      turns: turn,
      attempt,
      ledger: line === null ? head.ledger : [...head.ledger, line],
    };
    const entries = [mine, ...tailOf(from)];
    const outcome = await context.journal.write({
      from,
      entries,
      delta: deltaOfEdit(context, from, { entries }),
      ...(head.attempt !== null && head.attempt.boot !== context.boots.self
        ? { takenFrom: head.attempt.boot }
        : {}),
    });
    return 'written' in outcome ? new Turn(context, attempt, outcome.written) : null;
  }

  get snapshot(): Snapshot {
    return this.current;
  }

  /** The head as it will stand with what is noted. A step that went on has no failed tries. */
  get head(): LaneEntry {
    const head = this.current.lane?.entries[0];
    if (head === undefined) throw new InvariantError('a turn without a head', { reason: 'no-head' });
    if (this.noted.length === 0) return head;
    return { ...head, tries: 0, ledger: [...head.ledger, ...this.noted] };
  }

  note(stage: LedgerStage, step: number, what: LedgerEntry['what'], seen: Json): void {
    this.noted.push(this.line(stage, step, what, seen));
  }

  line(stage: LedgerStage, step: number, what: LedgerEntry['what'], seen: Json): LedgerEntry {
    return { stage, step, what, turn: this.attempt.turn, at: this.context.clock.now(), seen };
  }

  /** What the steps of `prepare` saw, for the commit: the last sight of that facet. */
  found(facet: FacetName): Json | undefined {
    const { plan, ledger } = this.head;
    return ledger.findLast(
      (line) => line.stage === 'prepare' && line.what === 'done' && plan?.prepare[line.step]?.facet === facet,
    )?.seen;
  }

  /** @throws LostTurn; Refusal when the registry cannot be asked. */
  async save(edit: (head: LaneEntry, snapshot: Snapshot) => Edit): Promise<void> {
    for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
      const { head, dropNext = 0, ...rest } = edit(this.head, this.current);
      const entries = [...(head === null ? [] : [head]), ...tailOf(this.current).slice(dropNext)];
      const from = this.current;
      const delta = deltaOfEdit(this.context, from, { entries, ...rest });
      const outcome = await this.context.journal.write({ from, entries, delta, ...rest });
      if ('written' in outcome) {
        this.current = outcome.written;
        this.noted = [];
        return;
      }
      this.current = outcome.conflict;
      if (this.current.lane?.entries[0]?.attempt?.nonce !== this.attempt.nonce) throw new LostTurn();
    }
    throw new Refusal('service_unavailable', 'The lane is written too often to write it.', {
      reason: 'contention',
    });
  }

  /** The turn's last write, when it ends without settling. */
  async giveBack(more: Partial<LaneEntry> = {}): Promise<void> {
    await this.save((head) => ({ head: { ...head, ...more, attempt: null } }));
  }
}

function deltaOfEdit(
  { rules }: EngineContext,
  from: Snapshot,
  edit: { entries: readonly LaneEntry[]; record?: VolumeRecord | null },
): FootprintDelta {
  const record = edit.record === undefined ? from.record : edit.record;
  const lane =
    from.lane === null || edit.entries.length === 0 ? null : { ...from.lane, entries: edit.entries };
  return deltaBetween(from, { record, lane }, rules);
}

function tailOf(snapshot: Snapshot): readonly LaneEntry[] {
  return snapshot.lane?.entries.slice(1) ?? [];
}
