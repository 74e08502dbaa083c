import type { ActionRecord, OwedFact, Usage, VmRecord } from '@plumbline/domain';
import { ACCOUNT } from './ground.js';
import type { Ground } from './ground.js';

/** What stands in the end, without what may differ from one run to another: ids of images, addresses, instants. */
export function factsOf(ground: Ground): string {
  const { layout, sources, record, store } = ground;
  const ofAccount = `internal-actions/${ACCOUNT.id}/`;
  const internal = layout.actionsOf(ACCOUNT.id).replace(`actions/${ACCOUNT.id}/`, ofAccount);
  const actions = [layout.actionsOf(ACCOUNT.id), internal].flatMap((of) => ground.values<ActionRecord>(of));
  return JSON.stringify({
    record: record && [record.name, record.sizeGib, record.rev, record.attachment?.vm ?? null],
    actions: actions.map(({ kind, status, revBefore, revAfter }) => [kind, status, revBefore, revAfter]),
    owed: ground.values<OwedFact>(layout.owedTo('billing')).map(({ rev, want }) => [rev, want]),
    usage: ground.values<Usage>(layout.usage(ACCOUNT.id)),
    slots: ground.values<VmRecord>(layout.vms).map(({ slots }) => slots),
    names: store.keys('plumbline/names/'),
    tombstones: store.keys(layout.tombstones),
    images: [...sources.images].map(([key, { state, sizeBytes }]) => [key, state, sizeBytes]),
    trash: [...sources.trash.keys()],
    nodes: [...sources.nodes].map(([key, { sizeBytes }]) => [key, sizeBytes]),
    devices: [...sources.devices].map(([key, { state }]) => [key, state]),
  });
}
