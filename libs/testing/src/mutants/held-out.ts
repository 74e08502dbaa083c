import type { Mutant } from './mutant.js';

const ADVANCE = 'libs/engine/src/advance.ts';
const CARRY = 'libs/engine/src/carry.ts';
const SETTLE = 'libs/engine/src/settle.ts';
const JOURNAL = 'libs/registry/src/journal.ts';

/** Mistakes that the instruments were not sharpened on: they show that what is caught is not only what was thought of. */
export const HELD_OUT: readonly Mutant[] = [
  {
    id: 'rejected-behind-the-commit-undone',
    breaks: ['C5', 'R1', 'V1', 'V3', 'A1'],
    file: CARRY,
    find: "if (this.turn.head.committed !== null) return await this.park('rejected-after-commit', message);",
    put: "if (this.turn.head.committed !== null) return await this.settle('undone');",
    why: 'what customers see as done ends as failed',
  },
  {
    id: 'commit-without-a-lane-write',
    breaks: ['R1', 'C1', 'C5', 'A1'],
    file: SETTLE,
    find: 'head: finished ? null : { ...head, committed: { rev, at }, tries: 0 },',
    put: 'head: finished ? null : { ...head, tries: 0 },',
    why: 'whoever goes on with a delete does not see that it is committed',
  },
  {
    id: 'owed-under-the-old-rev',
    breaks: ['A1', 'V5', 'M1'],
    file: SETTLE,
    find: 'owed: owedBy(head, snapshot, { rev, at: owedAt }),',
    put: 'owed: owedBy(head, snapshot, { rev: before?.rev ?? rev, at: owedAt }),',
    why: 'billing takes the later of two facts for the older one',
  },
  {
    id: 'one-slot-for-two',
    breaks: ['V4'],
    file: 'libs/registry/src/vm-slots.ts',
    find: 'return JSON.stringify({ ...vm, slots: { ...others, [id]: slot } });',
    put: 'return JSON.stringify({ ...vm, slots: { [id]: slot } });',
    why: 'an attach takes the slots of all other volumes of the VM',
  },
  {
    id: 'not-judged-again',
    breaks: ['R1', 'C5', 'A1'],
    file: 'libs/engine/src/work.ts',
    find: 'if (why !== null) return { ...head, undoing: why };',
    put: '',
    why: 'an intent is carried out although what came before it has made it impossible',
  },
  {
    id: 'only-the-delete-ends',
    breaks: ['R1', 'C1', 'A1'],
    file: SETTLE,
    find: 'return later.slice(0, at + 1);',
    put: 'return later.slice(at, at + 1);',
    why: 'of what stands between a create and the delete that cancels it one is dropped, and another is told of',
  },
  {
    id: 'watched-by-nobody',
    breaks: ['V4', 'A1'],
    file: 'libs/intents/src/disk.ts',
    find: "?.addresses[0] ?? ''",
    put: "?.addresses[1] ?? ''",
    why: 'the record does not say whom to fence',
  },
  {
    id: 'taken-over-from-itself',
    breaks: ['C6', 'A1', 'C3'],
    file: 'libs/registry/src/boots-view.ts',
    find: 'return this.#silent.has(boot) ? [',
    put: 'return this.#silent.has(boot) || this.#silent.size > 0 ? [',
    why: 'one silent boot condemns all',
  },
  {
    id: 'lane-deleted-whatever-is-in-it',
    breaks: ['R1', 'C3'],
    file: JOURNAL,
    find: 'return goneOps(key, laneIndex);',
    put: "return [{ verb: 'delete', key }];",
    why: 'what was appended while the last intent settled is gone with the lane',
  },
  {
    id: 'turn-of-the-dead-left-alone',
    breaks: ['A1'],
    file: ADVANCE,
    find: '|| context.boots.isGone(attempt.boot);',
    put: ';',
    why: 'nobody goes on with what a dead boot has begun',
  },
  {
    id: 'grown-once-is-enough',
    breaks: ['V5'],
    file: 'libs/sources/ceph/facets/src/image.ts',
    find: 'seen.sizeBytes >= want.sizeGib * GIB;',
    put: 'seen.sizeBytes >= GIB;',
    why: 'an image of any size will do',
  },
];
