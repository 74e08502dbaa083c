import { Refusal, RejectedError, heldNameKey, volumeResource } from '@plumbline/domain';
import type { AccountId, ActionRecord, Claims, VmId, VolumeId } from '@plumbline/domain';
import type { Fold } from './kv.js';
import type { Layout } from './layout.js';
import { slottedVm } from './vm-slots.js';

/** For the customer. */
const LOST = 'It was lost before it was finished.';

/**
 * What a repair writes of owner, name and slots, as functions of what stands there then: whatever somebody did to them, and
 * does meanwhile, they become what record and lane say, or nothing is written at all. What is to be given back and is the
 * volume's own by now is taken: that comes last, and each key has one fold.
 * @throws RejectedError from a fold: undone, and looked at anew, rather than tried for ever
 */
export function claimFolds(
  layout: Layout,
  { account, id }: { account: AccountId; id: VolumeId },
  claims: Claims | undefined,
): readonly Fold[] {
  if (claims === undefined) return [];
  const { at, givesBack, names, slots } = claims;
  const folds = new Map<string, Fold['fold']>();
  for (const name of givesBack.names)
    folds.set(layout.heldName(name), (value) => (value === id ? null : value));
  for (const vm of givesBack.vms) folds.set(layout.vm(vm), (value) => slotted(value, { id, vm }, 'free'));
  for (const name of names)
    folds.set(layout.heldName({ account, ...name }), (value) => {
      if (value === null || value === id) return id;
      throw new RejectedError(`${heldNameKey(id, { account, ...name })} is the name of ${value}`, {
        reason: 'name-taken',
      });
    });
  for (const [vm, slot] of slots) folds.set(layout.vm(vm), (value) => slotted(value, { id, vm }, slot));
  folds.set(layout.owner(id), () => account);
  for (const n of givesBack.actions) {
    folds.set(layout.action(account, n), (value) => ended(value, { id, at }));
    folds.set(layout.volumeAction(id, n), () => account);
  }
  return [...folds].map(([key, fold]) => ({ key, fold }));
}

/** Whoever has asked for it is told that it was not done: a commit would have written its end. */
function ended(value: string | null, { at, id }: { at: number; id: VolumeId }): string {
  const action = value === null ? null : (JSON.parse(value) as ActionRecord);
  if (value === null || action?.resource !== volumeResource(id))
    throw new RejectedError(`there is no such action of ${id}`, { reason: 'no-action' });
  if (action.status !== 'in-progress') return value;
  const completedAt = Math.max(at, action.startedAt);
  return JSON.stringify({ ...action, status: 'errored', completedAt, message: LOST } satisfies ActionRecord);
}

function slotted(
  value: string | null,
  { id, vm }: { id: VolumeId; vm: VmId },
  slot: 'reserved' | 'attached' | 'free',
): string | null {
  try {
    return slottedVm(value, id, slot);
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new RejectedError(`VM ${vm} has no slot for ${id}`, { reason: 'no-slot', cause });
  }
}
