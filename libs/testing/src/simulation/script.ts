import fc from 'fast-check';
import { DRAWN } from './faults.js';
import type { Fault } from './faults.js';

/** What is in a seed, besides its processes: customers' volumes, and how much is asked and goes wrong within which time. */
export interface SeedSize {
  readonly apis: number;
  readonly volumes: number;
  readonly requests: number;
  readonly faults: number;
  readonly troubleMs: number;
}

/** Many requests are refused, and many only read, so more are made than are to be recorded. */
export const LONG_SEED: SeedSize = {
  apis: 2,
  volumes: 5,
  requests: 130,
  faults: 18,
  troubleMs: 25_000,
};

const WISHES = ['create', 'resize', 'attach', 'detach', 'delete', 'read', 'list', 'flood'] as const;
/** How often each; a burst that fills a lane is seldom. */
const WEIGHTS: Readonly<Record<(typeof WISHES)[number], number>> = {
  create: 50,
  resize: 40,
  attach: 60,
  detach: 30,
  delete: 30,
  read: 40,
  list: 20,
  flood: 3,
};
const WEIGHED = WISHES.flatMap((wish) => Array.from({ length: WEIGHTS[wish] }, () => wish));
const SIZE_MAX_GIB = 12;
const KEYS = 6;
/** One in so many asks for what is another account's. */
const FOREIGN_EVERY = 12;

/** One request of a customer. Plain numbers, so that a failing script can be made smaller. */
export interface Asked {
  readonly atMs: number;
  readonly wish: (typeof WISHES)[number];
  readonly slot: number;
  readonly sizeGib: number;
  readonly vm: number;
  /** 0: none. */
  readonly key: number;
  readonly waits: boolean;
  /** 0: as somebody else. */
  readonly foreign: number;
  /** 0: under an id that was used before. */
  readonly reused: number;
}

export interface Planned {
  readonly atMs: number;
  /** Its place in the list of what is drawn from. */
  readonly fault: number;
}

/** What the clients do in a seed, and what befalls the system. */
export interface Script {
  readonly asked: readonly Asked[];
  readonly planned: readonly Planned[];
}

function askedWithin({ troubleMs, volumes }: SeedSize): fc.Arbitrary<Asked> {
  return fc.record({
    atMs: fc.integer({ min: 0, max: troubleMs }),
    wish: fc.constantFrom(...WEIGHED),
    slot: fc.integer({ min: 0, max: volumes - 1 }),
    sizeGib: fc.integer({ min: 1, max: SIZE_MAX_GIB }),
    vm: fc.integer({ min: 0, max: 2 }),
    key: fc.integer({ min: 0, max: KEYS }),
    waits: fc.boolean(),
    foreign: fc.integer({ min: 0, max: FOREIGN_EVERY - 1 }),
    reused: fc.integer({ min: 0, max: FOREIGN_EVERY - 1 }),
  });
}

/** @param isWhole generates scripts of the full length; else any shorter one, as which a whole one can be made smaller */
export function scripts(size: SeedSize, isWhole: boolean): fc.Arbitrary<Script> {
  const length = (most: number) => ({ minLength: isWhole ? most : 0, maxLength: most, size: 'max' as const });
  const planned = fc.record({
    atMs: fc.integer({ min: 200, max: size.troubleMs }),
    fault: fc.integer({ min: 0, max: DRAWN.length - 1 }),
  });
  return fc.record({
    asked: fc.array(askedWithin(size), length(size.requests)),
    planned: fc.array(planned, length(size.faults)),
  });
}

/** The script of a seed: the same one each time. */
export function scriptOf(seed: number, size: SeedSize): Script {
  const [script] = fc.sample(fc.noBias(scripts(size, true)), { seed, numRuns: 1 });
  return script!;
}

export function faultOf({ fault }: Planned): Fault {
  return DRAWN[fault]!;
}
