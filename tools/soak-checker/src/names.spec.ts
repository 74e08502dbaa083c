import { account, good, pool, wire } from './testing/good-history.js';
import { actionOf, ask, judged, put } from './testing/draft.js';

it('knows a volume that is deleted by its name from the one that had that name before', () => {
  const draft = good();
  const [first, second] = ['0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0011', '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0012'];
  for (const [id, n] of [
    [first, 910],
    [second, 930],
  ] as const) {
    const of = { account, resource: `volume/${id}` };
    const params = { name: 'again', sizeGib: 1, region: 'nyc1' };
    put(draft, `actions/${account}/${n}`, { ...actionOf(draft, 104), ...of, n, params, startedAt: n });
    put(draft, `actions/${account}/${n + 5}`, {
      ...actionOf(draft, 105),
      ...of,
      n: n + 5,
      startedAt: n + 5,
    });
    put(draft, `tombstones/${id}`, { id, account, region: 'nyc1', rev: 2 });
    put(draft, `owners/${id}`, account);
    draft.reading.trash.push({ pool, name: `volume-${id}` });
  }
  const made = (id: string, from: number) => ({
    ...{ key: undefined, body: { name: 'again', size_gigabytes: 1, region: 'nyc1' } },
    ...{ answer: { volume: wire(id, 'again') }, from, to: from + 2 },
  });
  const gone = { method: 'DELETE', key: undefined, body: undefined, answer: undefined };
  ask(draft, made(first, 909));
  ask(draft, {
    ...gone,
    path: `/v2/volumes/${first}`,
    status: undefined,
    end: 'broken',
    from: 914,
    to: 920,
  });
  ask(draft, made(second, 929));
  // The registry's clock may be a little behind the client's.
  ask(draft, { ...gone, path: '/v2/volumes?name=again&region=nyc1', status: 204, from: 936, to: 950 });
  ask(draft, { ...gone, path: `/v2/volumes/${second}`, status: 404, from: 940, to: 941 });
  expect(judged(draft)).toEqual([]);
});
