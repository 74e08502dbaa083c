import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../api.js';
import { ApiRefusal } from '../api.js';
import { StackError } from '../errors.js';
import { isWrong } from './answers.js';
import type { Discrepancy, Intent, Plan, Repairs, Scrub, Truth } from './answers.js';
import { barOf, hindrancesOf, slowedOf, planLinesOf, tableOf, truthLinesOf } from './table.js';

export interface ScrubWish {
  volume: string | undefined;
  once: boolean;
  repair: boolean;
  watch: boolean;
  json: boolean;
  /** Who asks, for the log of the API. */
  by: string;
}

/** Where it is shown. */
export interface Screen {
  line(text: string): void;
  /** Takes the place of what it said before, where that can be. */
  passing(text: string): void;
  clear(): void;
}

/** How the command waits; a test waits less. */
export interface ScrubPace {
  everyMs: number;
  passMsMax: number;
  repairMsMax: number;
}

const scrubPace: ScrubPace = {
  everyMs: 1000,
  passMsMax: 2 * 3600 * 1000,
  repairMsMax: 30 * 60 * 1000,
};

const PER_PAGE = 200;
const PAGES_MAX = 60;
const OPS = '/ops/v1';
/** A plan holds a part of what there may be. */
const ROUNDS_MAX = 100;

/** What became of what was not repaired. */
const PASSED_OVER: Readonly<Record<string, string>> = {
  agrees: 'in order already',
  unknown: 'left alone: somebody is at work on it, or its source does not answer',
  changed: 'left alone: it is not as it was planned any more',
  'no-repair': 'left alone: nothing is known that would repair it',
  refused: 'its repair was refused: the log of the scrubber says why',
  brake: 'left alone: a brake is on',
  paused: 'left alone: repairs are paused',
  off: 'left alone: its remedy is switched off',
};

interface Seen {
  scrub: Scrub;
  discrepancies: Discrepancy[];
  truth: Truth | null;
}

/** What this call has repaired already: the next pass takes it off the list. */
type Mended = ReadonlySet<string>;

const NOTHING: Mended = new Set();

/** @returns whether nothing is wrong */
export async function scrub(
  client: Pick<ApiClient, 'ask'>,
  wish: ScrubWish,
  screen: Screen,
  { signal, pace = scrubPace }: { signal: AbortSignal; pace?: ScrubPace },
): Promise<boolean> {
  const api = told(client);
  if (wish.once) await untilPass(api, wish, screen, { signal, pace });
  const repaired = wish.repair ? await repair(api, wish, screen, { signal, pace }) : null;
  const mended = repaired?.mended ?? NOTHING;
  if (!wish.watch) return (await show(api, wish, screen, mended)) && repaired?.isWhole !== false;
  let isWell = false;
  while (!signal.aborted) {
    if (!wish.json) screen.clear();
    isWell = await show(api, wish, screen, NOTHING).catch((error: unknown) => {
      if (!(error instanceof StackError) || error instanceof ApiRefusal) throw error;
      if (!wish.json) screen.line(error.message);
      return false;
    });
    await sleep(pace.everyMs, undefined, { signal }).catch(() => undefined);
  }
  return isWell;
}

/** In words that a person can do something with. */
function told(api: Pick<ApiClient, 'ask'>): Pick<ApiClient, 'ask'> {
  return {
    ask: async <T>(method: string, path: string, body?: unknown) => {
      try {
        return await api.ask<T>(method, path, body);
      } catch (cause) {
        if (cause instanceof StackError) throw cause;
        throw new StackError('the API does not answer; ./tools/status tells whether it runs', { cause });
      }
    },
  };
}

async function show(
  api: Pick<ApiClient, 'ask'>,
  wish: ScrubWish,
  screen: Screen,
  mended: Mended,
): Promise<boolean> {
  const seen = await look(api, wish);
  const { scrub: now, discrepancies, truth } = seen;
  const wrong = discrepancies.filter((one) => isWrong(one) && !mended.has(one.id));
  const hindrances = hindrancesOf(now);
  const isWell =
    wrong.length === 0 && hindrances.length === 0 && (truth === null || truth.verdict === 'agreed');
  if (wish.json) {
    screen.line(JSON.stringify({ isWell, ...seen }));
    return isWell;
  }
  screen.line(barOf(now));
  for (const line of [...slowedOf(now), ...hindrances]) screen.line(line);
  for (const line of truth === null ? [] : truthLinesOf(truth)) screen.line(line);
  const listed = discrepancies.filter(({ id, state }) => state !== 'repaired' && !mended.has(id));
  for (const line of tableOf(listed, now.now)) screen.line(line);
  screen.line(verdictOf(seen, { wrong, isHeld: hindrances.length > 0, mended }));
  return isWell;
}

/** One line: what there is, and what to do next. */
function verdictOf(
  { scrub: { settings, status }, truth }: Seen,
  { isHeld, mended, wrong }: { wrong: readonly Discrepancy[]; isHeld: boolean; mended: Mended },
): string {
  const count = `${wrong.length} wrong`;
  const waiting = wrong.filter(
    ({ remedy, state }) => state === 'parked' || (state === 'confirmed' && remedy.does !== 'repair'),
  );
  const [first] = waiting;
  if (first !== undefined)
    return `${count}, ${waiting.length} of them wait for a person: begin with ${first.page}`;
  if (isHeld) return `${count}, and something holds the scrubber back: see above.`;
  const told = wrong.filter(
    ({ remedy, state }) => state === 'confirmed' && settings.modes[remedy.name] === 'report',
  );
  if (told.length > 0)
    return `${count}, ${told.length} of them only reported as it is set: ./tools/scrub --repair repairs them.`;
  if (wrong.length > 0)
    return `${count}; the scrubber repairs them by itself, ./tools/scrub --repair at once.`;
  if (truth?.verdict === 'busy')
    return 'It cannot be told: somebody is at work on this volume. Ask again when that is over, or with --watch.';
  if (truth?.verdict === 'unknown')
    return 'It cannot be told: a source does not answer, see above and docs/operating/outages.md. Then ask again.';
  if (truth?.verdict === 'differs')
    return 'The sources differ now; it counts when the scrubber has seen it twice: ./tools/scrub --once';
  if (mended.size > 0) return 'Nothing else is wrong; the next pass takes what was repaired off the list.';
  if (!status?.last)
    return 'Nothing was found, but no pass is complete yet: ./tools/scrub --once waits for one.';
  return 'Nothing is wrong.';
}

async function look(api: Pick<ApiClient, 'ask'>, { volume }: ScrubWish): Promise<Seen> {
  const now = await api.ask<Scrub>('GET', `${OPS}/scrub`);
  if (volume === undefined) return { scrub: now, discrepancies: await allOf(api), truth: null };
  const truth = await api.ask<Truth>('GET', `${OPS}/volumes/${encodeURIComponent(volume)}/truth`);
  return { scrub: now, discrepancies: truth.discrepancies, truth };
}

async function allOf(api: Pick<ApiClient, 'ask'>): Promise<Discrepancy[]> {
  const all: Discrepancy[] = [];
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const path = `${OPS}/discrepancies?page=${page}&per_page=${PER_PAGE}`;
    const answer = await api.ask<{ discrepancies: Discrepancy[]; meta: { total: number } }>('GET', path);
    all.push(...answer.discrepancies);
    if (answer.discrepancies.length === 0 || all.length >= answer.meta.total) break;
  }
  return all;
}

/** Until a whole pass has ended that began after now: one that is under way may have been past what is asked about. */
async function untilPass(
  api: Pick<ApiClient, 'ask'>,
  wish: ScrubWish,
  screen: Screen,
  { pace, signal }: { pace: ScrubPace; signal: AbortSignal },
): Promise<void> {
  const { now: since } = await api.ask<Scrub>('GET', `${OPS}/scrub`);
  await until(
    async () => {
      const seen = await api.ask<Scrub>('GET', `${OPS}/scrub`);
      if (!wish.json) screen.passing(barOf(seen));
      return (seen.status?.last?.startedAt ?? 0) >= since;
    },
    { what: 'a whole pass: does a scrubber run? ./tools/status', ms: pace.passMsMax, pace, signal },
  );
}

/**
 * Plans and applies until nothing is left that only had to wait: what is repaired together, such as both parts of a disk, is
 * one intent, and the second is found in order once the first has ended.
 */
async function repair(
  api: Pick<ApiClient, 'ask'>,
  wish: ScrubWish,
  screen: Screen,
  waits: { pace: ScrubPace; signal: AbortSignal },
): Promise<{ mended: Mended; isWhole: boolean }> {
  const mended = new Set<string>();
  let isWhole = true;
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const done = await repairRound(api, wish, screen, waits);
    for (const id of done.mended) mended.add(id);
    isWhole = isWhole && !done.hasFailed;
    if (!done.hasMore) return { mended, isWhole };
  }
  return { mended, isWhole: false };
}

async function repairRound(
  api: Pick<ApiClient, 'ask'>,
  { by, json, volume }: ScrubWish,
  screen: Screen,
  { pace, signal }: { pace: ScrubPace; signal: AbortSignal },
): Promise<{ mended: readonly string[]; hasFailed: boolean; hasMore: boolean }> {
  const filter = volume === undefined ? {} : { volume };
  const say = (text: string) => (json ? undefined : screen.line(text));
  const { plan } = await api.ask<{ plan: Plan }>('POST', `${OPS}/repairs/plan`, filter);
  for (const line of planLinesOf(plan)) say(line);
  if (plan.would.length === 0) {
    say('There is nothing to repair.');
    return { mended: [], hasFailed: false, hasMore: false };
  }
  const asked = { ...filter, hash: plan.hash, by, reason: 'tools/scrub --repair' };
  await api.ask('POST', `${OPS}/repairs/apply`, asked);
  const { filed, passedOver } = await until(
    async () => {
      const { repairs } = await api.ask<{ repairs: Repairs }>('GET', `${OPS}/repairs/${plan.hash}`);
      return repairs.state === 'done' ? repairs : false;
    },
    {
      what: 'the scrubber to carry out the plan: does one run? ./tools/status',
      ms: pace.repairMsMax,
      pace,
      signal,
    },
  );
  const volumes = new Map(plan.would.map((one) => [one.id, one.volume]));
  const mended = passedOver.filter(({ why }) => why === 'agrees').map(({ id }) => id);
  for (const { id, intent } of filed) {
    const end = await endOf(api, intent, volumes.get(id) ?? null, { pace, signal });
    if (end === 'repaired') mended.push(id);
    else say(`${volumes.get(id) ?? id}: intent ${intent} ${end}`);
  }
  for (const { id, why } of passedOver) say(`${volumes.get(id) ?? id}: ${PASSED_OVER[why] ?? why}`);
  say(`${mended.length} of ${plan.would.length} are in order now.`);
  const waiting = passedOver.filter(({ why }) => why === 'unknown');
  const hasMore = mended.length > 0 && (waiting.length > 0 || plan.beyond > 0);
  return { mended, hasFailed: !hasMore && mended.length < plan.would.length, hasMore };
}

/** How an intent ended, as the end of a sentence about it. */
async function endOf(
  api: Pick<ApiClient, 'ask'>,
  id: string,
  volume: string | null,
  { pace, signal }: { pace: ScrubPace; signal: AbortSignal },
): Promise<string> {
  const path = `${OPS}/intents/${id}${volume === null ? '' : `?volume=${volume}`}`;
  return await until(
    async () => {
      const { intent } = await api.ask<Intent>('GET', path);
      if (intent.state === 'parked') return `is parked: ${intent.parked?.page ?? ''}`;
      if (intent.state !== 'settled') return false;
      return intent.status === 'completed' ? 'repaired' : `failed: ${intent.message ?? ''}`;
    },
    { what: `the end of intent ${id}`, ms: pace.repairMsMax, pace, signal },
  );
}

/** An API that is away for a moment is asked again; what it refuses it will refuse again. */
async function until<T>(
  ask: () => Promise<T | false>,
  { ms, pace, signal, what }: { what: string; ms: number; pace: ScrubPace; signal: AbortSignal },
): Promise<T> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    signal.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== false) return answer;
    } catch (error) {
      if (error instanceof ApiRefusal && error.status < 500) throw error;
    }
    await sleep(pace.everyMs, undefined, { signal }).catch(() => undefined);
  }
  throw new StackError(`waited ${Math.round(ms / 60_000)} minutes in vain for ${what}`);
}
