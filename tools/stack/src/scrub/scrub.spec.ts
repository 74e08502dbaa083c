import { ApiRefusal } from '../api.js';
import { StackError } from '../errors.js';
import type { Discrepancy, Scrub } from './answers.js';
import { screenTo } from './screen.js';
import { scrub } from './scrub.js';
import type { ScrubWish } from './scrub.js';
import { barOf, tableOf } from './table.js';

const NOW = 1_000_000;
const PACE = { everyMs: 1, passMsMax: 2_000, repairMsMax: 2_000 };
const WISH: ScrubWish = {
  volume: undefined,
  once: false,
  repair: false,
  watch: false,
  json: false,
  by: 'ada',
};

function standing(more: Partial<Scrub> = {}): Scrub {
  const facets = [{ facet: 'ceph.image', objects: 3, unasked: 0 }];
  const last = { pass: 4, startedAt: NOW - 90_000, endedAt: NOW - 60_000, volumes: 12, facets };
  return {
    now: NOW,
    lagMs: 60_000,
    oldestLookMs: 90_000,
    status: { leader: 'scrubber-1', pass: null, perSecond: 100, paces: [], last },
    brakes: [],
    settings: { paused: false, modes: {} },
    ...more,
  };
}

function found(more: Partial<Discrepancy> = {}): Discrepancy {
  return {
    id: 'qemu.device/0',
    facet: 'qemu.device',
    class: 'missing',
    key: 'vm-1/one',
    host: 'host-a',
    volume: 'volume-1',
    firstSeenAt: NOW - 5_000,
    remedy: { name: 'device-lost', does: 'repair', why: 'it was lost' },
    state: 'confirmed',
    parked: null,
    page: 'docs/operating/discrepancies.md#device-lost',
    ...more,
  };
}

/** The API, as far as the command asks it. */
class FakeApi {
  readonly asked: string[] = [];
  readonly bodies: unknown[] = [];
  scrubs: Scrub[] = [standing()];
  discrepancies: Discrepancy[] = [];
  readonly answers = new Map<string, unknown[]>();

  ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    this.asked.push(`${method} ${path}`);
    this.bodies.push(body);
    return Promise.resolve().then(() => this.answerTo(path) as T);
  }

  private answerTo(path: string): unknown {
    if (path === '/ops/v1/scrub') return this.scrubs.length > 1 ? this.scrubs.shift() : this.scrubs[0];
    if (path.startsWith('/ops/v1/discrepancies')) {
      const page = Number(new URLSearchParams(path.split('?')[1]).get('page'));
      const discrepancies = this.discrepancies.slice((page - 1) * 200, page * 200);
      return { discrepancies, meta: { total: this.discrepancies.length } };
    }
    const answers = this.answers.get(path) ?? [];
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    if (answer === undefined) throw new ApiRefusal(404, `${path} answered 404`);
    return answer;
  }
}

async function run(api: FakeApi, wish: Partial<ScrubWish> = {}) {
  let text = '';
  const screen = screenTo({ write: (more) => (text += more) });
  const signal = new AbortController().signal;
  const isWell = await scrub(api, { ...WISH, ...wish }, screen, { signal, pace: PACE });
  return { isWell, text, last: text.trimEnd().split('\n').at(-1) };
}

describe('tools/scrub', () => {
  it('is content when nothing counts, and says what was found last', async () => {
    const api = new FakeApi();
    api.discrepancies = [
      found({ state: 'repaired' }),
      found({ state: 'accepted' }),
      found({ state: 'seen-once' }),
    ];
    const { isWell, last, text } = await run(api);
    expect([isWell, last]).toEqual([true, 'Nothing is wrong.']);
    expect(text).toContain('Pass 4 of 12 volumes took 30 s and ended 60 s ago; no look is older than 90 s.');
    expect(text).not.toContain('repaired ');
  });

  it.each([
    ['what is confirmed', { discrepancies: [found()] }, '--repair'],
    [
      'what is only reported',
      {
        discrepancies: [found()],
        scrubs: [standing({ settings: { paused: false, modes: { 'device-lost': 'report' } } })],
      },
      'only reported',
    ],
    ['what is parked', { discrepancies: [found({ state: 'parked' })] }, 'discrepancies.md#device-lost'],
    [
      'a brake',
      { scrubs: [standing({ brakes: [{ facet: 'ceph.image', why: 'share', wrong: 60, of: 99 }] })] },
      'above',
    ],
    ['a pause', { scrubs: [standing({ settings: { paused: true, modes: {} } })] }, 'above'],
    [
      'a source that could not be listed',
      {
        scrubs: [
          standing({
            status: {
              ...standing().status!,
              last: {
                ...standing().status!.last!,
                facets: [{ facet: 'ceph.image', objects: null, unasked: 0 }],
              },
            },
          }),
        ],
      },
      'above',
    ],
  ])('is not content with %s, and says what to do', async (_what, more, words) => {
    const { isWell, last } = await run(Object.assign(new FakeApi(), more));
    expect([isWell, last]).toEqual([false, expect.stringContaining(words)]);
  });

  it.each([
    ['agreed', true, 'Nothing is wrong.'],
    ['busy', false, 'cannot be told: somebody is at work'],
    ['unknown', false, 'cannot be told: a source does not answer'],
    ['differs', false, 'The sources differ now'],
  ])('says of a volume whose sources are %s what that means', async (verdict, content, words) => {
    const api = new FakeApi();
    const facets = [{ facet: 'ceph.image', key: 'pool/one', agrees: verdict === 'agreed' }];
    api.answers.set('/ops/v1/volumes/volume-1/truth', [{ verdict, facets, discrepancies: [] }]);
    const { isWell, last } = await run(api, { volume: 'volume-1' });
    expect([isWell, last]).toEqual([content, expect.stringContaining(words)]);
  });

  it('says which sources it gives way to, and is content', async () => {
    const paces = [
      { source: 'ceph', perSecond: 12.5, budget: 100 },
      { source: 'billing', perSecond: 100, budget: 100 },
    ];
    const { isWell, text } = await run(
      Object.assign(new FakeApi(), { scrubs: [standing({ status: { ...standing().status!, paces } })] }),
    );
    expect([isWell, text]).toEqual([true, expect.stringContaining('asked 13 times a second, not 100')]);
    expect(text).not.toContain('billing');
  });

  it('reads all pages', async () => {
    const api = new FakeApi();
    api.discrepancies = Array.from({ length: 450 }, (_, n) => found({ id: `${n}` }));
    const { last, text } = await run(api);
    expect(last).toContain('450 wrong');
    expect(text).toContain('and 350 more');
  });

  it('waits for a pass that began after it was asked', async () => {
    const api = new FakeApi();
    const status = standing().status!;
    const passing = { ...status, pass: { pass: 5, looked: 6, expected: 12 } };
    const ended = (startedAt: number) =>
      standing({ status: { ...status, last: { ...status.last!, startedAt } } });
    api.scrubs = [standing(), standing({ status: passing }), ended(NOW - 1), ended(NOW), standing()];
    const { isWell, text } = await run(api, { once: true });
    expect([isWell, api.scrubs]).toEqual([true, [standing()]]);
    expect(text).toContain('Pass 5 [############............]  50 %');
    await expect(run(new FakeApi(), { once: true })).rejects.toThrow('in vain for a whole pass');
  });

  it('repairs by a plan that it prints, and tells how each ended', async () => {
    const api = new FakeApi();
    const would = ['a', 'b', 'c', 'd'].map((id) => ({
      ...found(),
      id,
      volume: id,
      kind: 'repair-disk',
      why: 'lost',
    }));
    const held = [{ ...found(), by: 'brake', why: 'share: 60 of 99' }];
    const filed = ['a', 'b', 'c'].map((id) => ({ id, intent: `intent-${id}` }));
    const done = { repairs: { state: 'done', filed, passedOver: [{ id: 'd', why: 'changed' }] } };
    const settled = (status: string) => ({ intent: { state: 'settled', status, message: 'no room' } });
    api.answers.set('/ops/v1/repairs/plan', [{ plan: { hash: 'h', would, beyond: 0, held } }]);
    api.answers.set('/ops/v1/repairs/apply', [{}]);
    api.answers.set('/ops/v1/repairs/h', [
      { repairs: { state: 'waiting' } },
      new ApiRefusal(503, 'away'),
      done,
    ]);
    api.answers.set('/ops/v1/intents/intent-a?volume=a', [
      { intent: { state: 'pending' } },
      settled('completed'),
    ]);
    api.answers.set('/ops/v1/intents/intent-b?volume=b', [settled('errored')]);
    api.answers.set('/ops/v1/intents/intent-c?volume=c', [
      { intent: { state: 'parked', parked: { page: 'a-page' } } },
    ]);
    const { isWell, text } = await run(api, { repair: true });
    expect(isWell).toBe(false);
    expect(api.bodies).toContainEqual({ hash: 'h', by: 'ada', reason: 'tools/scrub --repair' });
    for (const words of [
      'repair-disk',
      'brake',
      'b: intent intent-b failed: no room',
      'c: intent intent-c is parked: a-page',
      'd: left alone: it is not as it was planned',
      '1 of 4 are in order now.',
    ])
      expect(text).toContain(words);
  });

  it('plans again what had to wait for another repair, and is content with what was mended together', async () => {
    const api = new FakeApi();
    const of = (id: string) => ({ ...found(), id, volume: 'a', kind: 'repair-disk', why: 'lost' });
    const done = (repairs: object) => ({ repairs: { state: 'done', filed: [], passedOver: [], ...repairs } });
    api.discrepancies = [found({ id: 'node', state: 'repairing' }), found({ id: 'device' })];
    api.answers.set('/ops/v1/repairs/plan', [
      { plan: { hash: 'both', would: [of('node'), of('device')], beyond: 0, held: [] } },
      { plan: { hash: 'one', would: [of('device')], beyond: 0, held: [] } },
    ]);
    api.answers.set('/ops/v1/repairs/apply', [{}]);
    api.answers.set('/ops/v1/repairs/both', [
      done({ filed: [{ id: 'node', intent: 'i' }], passedOver: [{ id: 'device', why: 'unknown' }] }),
    ]);
    api.answers.set('/ops/v1/repairs/one', [done({ passedOver: [{ id: 'device', why: 'agrees' }] })]);
    api.answers.set('/ops/v1/intents/i?volume=a', [{ intent: { state: 'settled', status: 'completed' } }]);
    const { isWell, last } = await run(api, { repair: true });
    expect([isWell, last]).toEqual([true, expect.stringContaining('Nothing else is wrong')]);
  });

  it('says in words that nobody answers, and goes on watching', async () => {
    const away = new FakeApi();
    const ask = away.ask.bind(away);
    let failures = 0;
    away.ask = (method, path) => {
      failures += 1;
      return failures < 4 ? Promise.reject(new TypeError('fetch failed')) : ask(method, path);
    };
    await expect(run(away)).rejects.toThrow('the API does not answer');
    const ending = new AbortController();
    let text = '';
    const write = (more: string) => {
      text += more;
      if (more.includes('Nothing is wrong')) ending.abort();
    };
    const watched = { ...WISH, watch: true };
    expect(await scrub(away, watched, screenTo({ write }), { signal: ending.signal, pace: PACE })).toBe(true);
    expect(text).toContain('the API does not answer');
  });

  it('is content when there was nothing to repair, and passes on what the API refuses', async () => {
    const api = new FakeApi();
    api.answers.set('/ops/v1/repairs/plan', [{ plan: { hash: 'h', would: [], beyond: 0, held: [] } }]);
    expect((await run(api, { repair: true })).isWell).toBe(true);
    expect(api.asked).not.toContain('POST /ops/v1/repairs/apply');
    await expect(run(api, { volume: 'none' })).rejects.toThrow(StackError);
  });

  it('shows the truth of one volume, and gives everything as JSON', async () => {
    const api = new FakeApi();
    const facets = [{ facet: 'ceph.image', key: 'k', agrees: false }];
    const truth = { verdict: 'differs', facets, discrepancies: [found({ state: 'seen-once' })] };
    api.answers.set('/ops/v1/volumes/volume-1/truth', [truth]);
    const { isWell, last, text } = await run(api, { volume: 'volume-1' });
    expect([isWell, last]).toEqual([false, expect.stringContaining('seen it twice')]);
    expect(text).toContain('DIFFERS');
    const json = JSON.parse((await run(api, { volume: 'volume-1', json: true })).text) as object;
    expect(json).toEqual({ isWell: false, scrub: standing(), discrepancies: truth.discrepancies, truth });
  });

  it('lines its columns up, the oldest first', () => {
    const rows = tableOf([found(), found({ firstSeenAt: NOW - 3_600_000, volume: null })], NOW);
    expect(rows.map((row) => row.split(/ {2,}/).at(-1))).toEqual(['SINCE', '60 min', '5 s']);
    expect(rows[1]).toContain('vm-1/one');
    const [head = '', ...rest] = rows;
    const at = head.indexOf('REMEDY');
    expect(rest.map((row) => row.slice(at, at + 11))).toEqual(['device-lost', 'device-lost']);
    expect(barOf(standing({ status: null }))).toBe('No scrubber has led yet.');
  });
});
