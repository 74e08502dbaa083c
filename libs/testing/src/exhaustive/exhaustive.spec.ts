import { intentCatalog } from '@plumbline/intents';
import { explore } from './explore.js';
import type { Exploration, ForkedPlay } from './explore.js';
import { exploreStory, stories } from './stories.js';

/** Thousands of runs, on a machine that is busy with other things. */
const TIME_MAX_MS = 240_000;
const STORY = 'volume-create';

/** Every run of it is one of its own, and a fork is a run of what has been chosen so far. */
function exploring(begin: () => ForkedPlay): Promise<Exploration> {
  return explore({ begin: async () => begin(), beginAnew: async () => begin() });
}

/** Counters that are raised one by one, in any order. */
function counting(counters: number[], wrong: (counters: readonly number[]) => string | null): ForkedPlay {
  const open = (): number[] => [...counters.keys()].filter((at) => counters[at]! < 2);
  return {
    choices: () => open().map(String),
    choose: async (at) => void (counters[open()[at]!]! += 1),
    state: () => counters.join(' '),
    wrong: async () => wrong(counters),
    fork: () => counting([...counters], wrong),
  };
}

describe('an exploration', () => {
  it('comes to every state once, and counts the ways that lead through them', async () => {
    const found = await exploring(() => counting([0, 0], () => null));
    expect(found).toEqual({ states: 9, events: 12, schedules: 6, endings: 1, failure: null });
  });

  it('finds what is wrong in one state alone, and says how to get there', async () => {
    const isWrong = ([one, other]: readonly number[]): string | null =>
      one === 0 && other === 2 ? 'found' : null;
    const { failure } = await exploring(() => counting([0, 0], isWrong));
    expect(failure).toEqual({ what: 'found', path: ['1', '1'] });
  });

  it('finds where things happen for ever and nothing comes to rest', async () => {
    const going = (at: number): ForkedPlay => ({
      choices: () => (at < 0 ? [] : ['on', 'out'].slice(0, at === 0 ? 2 : 1)),
      choose: async (choice) => void (at = choice === 1 ? -1 : 1 + (at % 2)),
      state: () => String(at),
      wrong: async () => null,
      fork: () => going(at),
    });
    const { failure } = await exploring(() => going(0));
    expect(failure?.what).toMatch(/^A1/);
  });
});

describe('states that count as equal and are not', () => {
  it('are found where not the same may happen there', async () => {
    const sum = (counters: readonly number[]): string => String(counters.reduce((a, b) => a + b, 0));
    const summing = (counters: number[]): ForkedPlay => ({
      ...counting(counters, () => null),
      state: () => sum(counters),
      fork: () => summing([...counters]),
    });
    await expect(exploring(() => summing([0, 0]))).rejects.toThrow('not the same may happen');
  });

  it('are found where the same leads elsewhere', async () => {
    const telling = (told: number[]): ForkedPlay => ({
      choices: () => (told.length < 40 ? ['this', 'that'] : []),
      choose: async (choice) => void told.push(choice),
      state: () => `${told.length} ${told.at(-2) ?? ''}`,
      wrong: async () => null,
      fork: () => telling([...told]),
    });
    await expect(exploring(() => telling([]))).rejects.toThrow('other futures');
  });
});

describe('two workers at one intent', () => {
  it('are told about every kind there is', async () => {
    const told = await stories();
    expect(new Set(told.map((name) => name.split(', then ').at(-1)))).toEqual(new Set(intentCatalog.keys()));
  });

  it(
    'end it as if there had been one that nobody disturbed, whoever is killed or paused at any moment',
    async () => {
      const { failure, states, schedules } = await exploreStory(STORY);
      expect(failure).toBeNull();
      expect(states).toBeGreaterThan(600);
      expect(schedules).toBeGreaterThan(1_900_000);
    },
    TIME_MAX_MS,
  );
});
