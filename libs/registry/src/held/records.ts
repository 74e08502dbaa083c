import { isUuid, sorted } from '@plumbline/domain';
import type { Turn, VolumeId } from '@plumbline/domain';
import { paced, prefixesByAccount } from './parts.js';
import type { ByRegistry } from './parts.js';

export interface RecordKey {
  readonly id: string;
  readonly account: string;
}

/** In the order of accounts. @throws Refusal */
export async function* recordKeys(by: ByRegistry): AsyncGenerator<RecordKey> {
  const { volumes } = by.layout;
  for await (const prefix of prefixesByAccount(by, volumes))
    for (const key of await by.kv.keys(prefix)) {
      const [account = '', id = ''] = key.slice(volumes.length).split('/');
      yield { account, id };
    }
}

/**
 * The ids of all volumes that have a record, sorted, each once. Of what has none nothing is expected anywhere: what is left
 * of it is come to where it stands, so that a pass takes as long as there are volumes, not as there ever were.
 *
 * @param after begins behind it
 * @throws Refusal
 */
export async function* recordedVolumeIds(
  by: ByRegistry,
  after: VolumeId | null = null,
  turn?: Turn,
): AsyncGenerator<VolumeId> {
  let last = after ?? '';
  const ours = async function* () {
    for await (const { id } of recordKeys(paced(by, turn))) if (isUuid(id) && id > last) yield id;
  };
  for await (const id of sorted(ours, (text) => text)) if (id !== last) yield (last = id) as VolumeId;
}
