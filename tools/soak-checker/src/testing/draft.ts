import { check } from '../check.js';
import { historyOf } from '../history-file.js';
import { historyLine } from '../history.js';
import type { HistoryLine, RequestLine } from '../history.js';
import { account } from './good-history.js';
import type { Draft } from './good-history.js';

/** What the checker says of it. */
export function judged({ faults = [], requests: asked, looks, reading }: Draft): readonly string[] {
  const run: HistoryLine = {
    ...{ line: 'run', format: 1, seed: 1, minutes: 1, rate: 1, faults: [], at: 0 },
    ...{ accounts: [], vms: [], processes: ['api'] },
  };
  const lines = [run, ...faults, ...asked, ...looks, reading].map((line) =>
    historyLine.parse(JSON.parse(JSON.stringify(line))),
  );
  return check(historyOf(lines)).findings.map(({ rule, volume, what }) => `${rule} ${volume ?? ''} ${what}`);
}

/** An entry of the registry, to be changed in place. */
export function entry(draft: Draft, key: string): Record<string, unknown> {
  return draft.reading.registry.changed[key] as Record<string, unknown>; // Entries are objects, but for names and owners.
}
export const actionOf = (draft: Draft, n: number) => entry(draft, `actions/${account}/${n}`);
export const drop = (draft: Draft, key: string) => delete draft.reading.registry.changed[key];
export const put = (draft: Draft, key: string, value: unknown) =>
  void (draft.reading.registry.changed[key] = value);
export const request = (draft: Draft, n: number): RequestLine => draft.requests[n - 1]!;
/** One more request, after all others. */
export const ask = (draft: Draft, one: Partial<RequestLine>) => {
  const n = draft.requests.length + 1;
  draft.requests.push({ ...request(draft, 1), n, from: 900, to: 905, ...one });
};
