import { lookQueueOf } from '@plumbline/domain';
import type { AnyFacet, HostName, Json, Place, Source } from '@plumbline/domain';
import { TransientError } from '@plumbline/domain';
import type { Looks } from '@plumbline/queue';

const LOOK_MS = 5000;
const LIST_MS = 20_000;

/**
 * A source that is reached through sockets of its hosts, as the scrubber sees it: by asking the workers there, all at once.
 * What is on a host that does not answer is unknown and must not count as missing; the others are judged all the same. Where
 * nobody answers the whole facet is unknown.
 */
export function remoteSource(by: {
  facet: AnyFacet;
  hosts: readonly HostName[];
  looks: Pick<Looks, 'ask' | 'list'>;
}): Source {
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
    async *list(_signal, unasked) {
      const items: (Place & { readonly seen: Json })[] = [];
      const answers = await Promise.all(
        by.hosts.map(async (host) => ({
          host,
          answer: await by.looks.list(lookQueueOf(facet.source, host), facet.name, LIST_MS),
        })),
      );
      const isAway = answers.length > 0 && answers.every(({ answer }) => 'unknown' in answer);
      for (const { answer, host } of answers) {
        const parts = 'unknown' in answer ? [{ host, under: '' }] : answer.unasked;
        if (parts.length > 0 && (unasked === undefined || isAway))
          throw new TransientError(`${facet.name} of ${host} could not be listed`, { reason: 'unknown' });
        for (const part of parts) unasked?.(part);
        if ('items' in answer) items.push(...answer.items);
      }
      const order = (key: string): string => facet.volumeOf(key) ?? '~';
      yield* items.sort((one, other) => (order(one.key) < order(other.key) ? -1 : 1));
    },
  };
}
