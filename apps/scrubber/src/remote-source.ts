import { lookQueueOf } from '@plumbline/domain';
import type { AnyFacet, HostName, Json, Place, Source } from '@plumbline/domain';
import { TransientError } from '@plumbline/domain';
import type { Looks } from '@plumbline/queue';

const LOOK_MS = 5000;
const LIST_MS = 20_000;

/**
 * A source that is reached through sockets of its hosts, as the scrubber sees it: by asking the workers there. A host
 * that does not answer makes the whole facet unknown for this pass: what it holds must not count as missing.
 */
export function remoteSource(by: { facet: AnyFacet; hosts: readonly HostName[]; looks: Looks }): Source {
  const { facet } = by;
  return {
    facet,
    async observe(place) {
      const queue = lookQueueOf(facet.source, place.host);
      const [answer] = await by.looks.ask(queue, [{ facet: facet.name, ...place }], LOOK_MS);
      if (answer === undefined || 'unknown' in answer)
        throw new TransientError(`${facet.name} ${place.key} could not be looked at`, { reason: 'unknown' });
      return answer.seen;
    },
    async *list() {
      const items: (Place & { readonly seen: Json })[] = [];
      for (const host of by.hosts) {
        const answer = await by.looks.list(lookQueueOf(facet.source, host), facet.name, LIST_MS);
        if ('unknown' in answer)
          throw new TransientError(`${facet.name} of ${host} could not be listed`, { reason: 'unknown' });
        items.push(...answer.items);
      }
      const order = (key: string): string => facet.volumeOf(key) ?? '~';
      yield* items.sort((one, other) => (order(one.key) < order(other.key) ? -1 : 1));
    },
  };
}
