/** What the API answers about the scrubber, as far as it is shown here. */
export interface Discrepancy {
  id: string;
  facet: string;
  class: string;
  key: string;
  host: string | null;
  volume: string | null;
  firstSeenAt: number;
  remedy: { name: string; does: string; why: string };
  state: string;
  parked: string | null;
  page: string;
}

export interface FacetCount {
  facet: string;
  objects: number | null;
  unasked: number;
}

export interface Scrub {
  now: number;
  /** Since the last whole pass ended, and since it began. */
  lagMs: number | null;
  oldestLookMs: number | null;
  status: {
    leader: string;
    pass: { pass: number; looked: number; expected: number | null } | null;
    perSecond: number;
    paces: { source: string; perSecond: number; budget: number }[];
    last: {
      pass: number;
      startedAt: number;
      endedAt: number;
      volumes: number;
      facets: FacetCount[];
    } | null;
  } | null;
  brakes: { facet: string; why: string; wrong: number; of: number }[];
  settings: { paused: boolean; modes: Record<string, string> };
}

export interface Truth {
  verdict: string;
  facets: { facet: string; key: string; host?: string; agrees: boolean | null; unknown?: string }[];
  discrepancies: Discrepancy[];
}

export interface Plan {
  hash: string;
  would: {
    id: string;
    facet: string;
    class: string;
    key: string;
    volume: string | null;
    kind: string;
    why: string;
  }[];
  beyond: number;
  held: {
    id: string;
    facet: string;
    class: string;
    key: string;
    volume: string | null;
    by: string;
    why: string;
  }[];
}

export type Repairs =
  | { state: 'waiting' }
  | {
      state: 'done';
      filed: { id: string; intent: string }[];
      passedOver: { id: string; why: string }[];
    };

export interface Intent {
  intent: {
    kind: string;
    state: 'pending' | 'parked' | 'settled';
    status?: string;
    message?: string | null;
    parked?: { reason: string; page: string } | null;
  };
}

/** Whether it counts: what was seen once may be work under way, and what is accepted is nobody's worry for a time. */
export function isWrong({ state }: Pick<Discrepancy, 'state'>): boolean {
  return state === 'confirmed' || state === 'repairing' || state === 'parked';
}
