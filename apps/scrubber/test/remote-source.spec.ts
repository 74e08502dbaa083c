import type { HostName, Part } from '@plumbline/domain';
import { nodeNameOf } from '@plumbline/domain';
import { qemuDevice } from '@plumbline/qemu-facets';
import type { ListAnswer } from '@plumbline/queue';
import { remoteSource } from '../src/remote-source.js';

const [A, B] = ['host-a', 'host-b'] as HostName[] as [HostName, HostName];
const idOf = (n: number) => `0000000${n}-0000-4000-8000-000000000000` as Parameters<typeof nodeNameOf>[0];
const disk = (host: HostName, n: number) => ({
  host,
  key: `1/${nodeNameOf(idOf(n))}`,
  seen: { node: 'n', state: 'plugged' },
});
const AWAY: ListAnswer = { unknown: 'no worker answered in time' };

function sourceOf(answers: Readonly<Record<string, ListAnswer>>) {
  const looks = {
    ask: () => Promise.resolve([]),
    list: (queue: string) => Promise.resolve(answers[queue] ?? AWAY),
  };
  return remoteSource({ facet: qemuDevice, hosts: [A, B], looks });
}

async function listed(source: ReturnType<typeof sourceOf>) {
  const parts: Part[] = [];
  const keys: string[] = [];
  const { signal } = new AbortController();
  for await (const { key } of source.list(signal, (part) => parts.push(part))) keys.push(key);
  return { parts, keys };
}

describe('a source that is asked through the workers of its hosts', () => {
  it('tells what there is on hosts that answer, in the order of the volumes, and of what nobody knows', async () => {
    const silent = { host: B, under: '7/' };
    const source = sourceOf({
      'looks-qemu-host-a': { items: [disk(A, 1), disk(A, 3)], unasked: [], at: 0 },
      'looks-qemu-host-b': { items: [disk(B, 2)], unasked: [silent], at: 0 },
    });
    const keys = [disk(A, 1), disk(B, 2), disk(A, 3)].map(({ key }) => key);
    expect(await listed(source)).toEqual({ parts: [silent], keys });
  });

  it('is unknown where a host does not answer, and as a whole where none does', async () => {
    const one = { 'looks-qemu-host-a': { items: [disk(A, 1)], unasked: [], at: 0 } };
    expect(await listed(sourceOf(one))).toEqual({
      parts: [{ host: B, under: '' }],
      keys: [disk(A, 1).key],
    });
    await expect(listed(sourceOf({}))).rejects.toThrow('could not be listed');
    // Who would not hear of it takes nothing that is left out for gone.
    await expect(
      sourceOf(one).list(new AbortController().signal)[Symbol.asyncIterator]().next(),
    ).rejects.toThrow('host-b');
  });
});
