import type { KvOp } from '@plumbline/registry';
import { Carrying } from './carrying.js';
import { Counting } from './counting.js';
import { broken } from './judgement.js';
import type { Judgement } from './judgement.js';
import { Recording } from './recording.js';
import type { Change } from './register.js';
import { Things } from './things.js';
import { SECRET } from './world.js';
import type { ArrivedWrite, Mistake, World } from './world.js';

/** Looks at the stores themselves after every event; of what has not changed it remembers what it saw. */
export class Invariants {
  private readonly judgements: readonly Judgement[];

  /** @param keyOf under whose idempotency key an intent was tried to be recorded */
  constructor(
    private readonly world: World,
    keyOf: ReadonlyMap<string, string> = new Map(),
    others: readonly Judgement[] = [],
  ) {
    this.judgements = [
      new Recording(world, keyOf),
      new Carrying(world),
      new Things(world),
      new Counting(world),
      world.scrubbing,
      ...others,
    ];
  }

  /** The first invariant that does not hold. */
  broken(): Mistake | null {
    const { world } = this;
    if (world.rewind?.isBegun === true) {
      const { changes } = world.register;
      world.register.changes = [];
      return world.rewind.broken(changes);
    }
    const [mistake] = world.mistakes;
    if (mistake !== undefined) return mistake;
    const { register } = world;
    const { changes } = register;
    register.changes = [];
    for (const write of world.writes) {
      const found = this.written(write, changes);
      if (found !== null) return found;
    }
    for (const judgement of this.judgements) {
      const found = judgement.judge(changes);
      if (found !== null) return found;
    }
    return null;
  }

  /** C3: every write of a process checks its boot, and what it changes of a volume goes with the volume's lane. */
  private written({ by, ops, stands }: ArrivedWrite, changes: readonly Change[]): Mistake | null {
    const { layout } = this.world;
    const own = layout.boot(by.boot);
    const leak = ops.find((op) => op.key.includes(SECRET) || ('value' in op && op.value.includes(SECRET)));
    if (leak !== undefined) return broken('B4', `${by.name} stores a secret`, leak.key.slice(-43));
    if (ops.every(({ key }) => key === own || key === layout.beat(by.boot))) return null;
    const [change] = changes;
    if (!stands && change !== undefined)
      return broken('C3', `a write of ${by.name} landed although its boot was fenced`, change.key.slice(-43));
    const checks = (verb: KvOp['verb'], key: string): boolean =>
      ops.some((op) => op.verb === verb && op.key === key);
    if (!checks('check-index', own)) return broken('C3', `${by.name} writes without checking its boot`);
    // What a halt is declared and ended by.
    if (ops.every(({ key }) => key === own || key === layout.halt || key === layout.tick)) return null;
    if (!checks('check-not-exists', layout.halt))
      return broken('A4', `${by.name} writes without minding a halt`);
    for (const op of ops) {
      const isRecord = op.key.startsWith('plumbline/volumes/') && op.verb !== 'check-index';
      if (!isRecord && !(op.key.startsWith(layout.lanes) && op.verb !== 'check-index')) continue;
      const about = `volume/${op.key.slice(-36)}`;
      const isGuarded = op.verb === 'cas' || (op.verb === 'delete-cas' && checks('check-index', op.key));
      if (!isGuarded) return broken('C3', `${by.name} writes ${op.key} whatever stands there`, about);
      if (isRecord && !ops.some(({ key }) => key === `${layout.lanes}${about}`))
        return broken('C3', `${by.name} writes a record without its lane`, about);
    }
    return null;
  }
}
