import type { Brake, DiscrepancyClass, FacetName, PassReport, ScrubSettings } from '@plumbline/domain';
import type { DiscrepancyShown } from './discrepancy-desk.js';

/** Discrepancies shown of each list; their number is told of all. */
const SHOWN_MAX = 100;

/** What the last pass has come to, beside what stands now. */
export interface ScrubReport {
  readonly pass: PassReport | null;
  readonly open: readonly { facet: FacetName; class: DiscrepancyClass; count: number }[];
  readonly oldest: DiscrepancyShown | null;
  readonly repaired: readonly DiscrepancyShown[];
  readonly repairedTotal: number;
  readonly waiting: readonly { discrepancy: DiscrepancyShown; why: string }[];
  readonly waitingTotal: number;
  readonly brakes: readonly Brake[];
  readonly paused: boolean;
}

export function reportOf(by: {
  readonly pass: PassReport | null;
  readonly discrepancies: readonly DiscrepancyShown[];
  readonly brakes: readonly Brake[];
  readonly settings: ScrubSettings;
}): ScrubReport {
  const sorted = [...by.discrepancies].sort((one, other) => one.firstSeenAt - other.firstSeenAt);
  const open = sorted.filter(({ state }) => state !== 'repaired' && state !== 'accepted');
  const repaired = sorted
    .filter(({ state }) => state === 'repaired')
    .sort((one, other) => endOf(other) - endOf(one));
  const waiting = sorted.flatMap((discrepancy) => {
    const why = whyWaiting(discrepancy);
    return why === null ? [] : { discrepancy, why };
  });
  return {
    pass: by.pass,
    open: countsOf(open),
    oldest: open[0] ?? null,
    repaired: repaired.slice(0, SHOWN_MAX),
    repairedTotal: repaired.length,
    waiting: waiting.slice(0, SHOWN_MAX),
    waitingTotal: waiting.length,
    brakes: by.brakes,
    paused: by.settings.paused,
  };
}

/** Why a person is needed; null: nobody is. */
function whyWaiting({ parked, remedy, state }: DiscrepancyShown): string | null {
  if (state === 'parked') return parked ?? remedy.why;
  return state === 'confirmed' && remedy.does !== 'repair' ? remedy.why : null;
}

/** For people, and for mails to them. */
export function textOf(report: ScrubReport, now: number): string {
  const { brakes, oldest, open, pass, paused, repaired, repairedTotal, waiting, waitingTotal } = report;
  const lines = [
    pass === null
      ? 'No whole pass yet.'
      : `Pass ${pass.pass}: ${pass.volumes} volumes in ${secondsOf(pass.endedAt - pass.startedAt)}, ended ${secondsOf(now - pass.endedAt)} ago.`,
    ...(pass?.facets ?? [])
      .filter(({ objects }) => objects === null)
      .map(({ facet }) => `${facet} could not be listed: nothing is known of it.`),
    paused ? 'Repairs are paused.' : null,
    ...brakes.map(
      ({ at, facet, of, why, wrong }) =>
        `BRAKE on ${facet} since ${timeOf(at)}: ${why}, ${wrong} of ${of}. See docs/operating/brakes.md#${why}`,
    ),
    '',
    open.length === 0 ? 'Nothing differs.' : 'What differs:',
    ...open.map((one) => `  ${one.facet.padEnd(22)} ${one.class.padEnd(11)} ${one.count}`),
    oldest && `The oldest, since ${timeOf(oldest.firstSeenAt)}: ${nameOf(oldest)}`,
    '',
    `Waits for a person: ${waitingTotal}`,
    ...waiting.map(({ discrepancy, why }) => `  ${nameOf(discrepancy)}: ${why}. See ${discrepancy.page}`),
    '',
    `Repaired lately: ${repairedTotal}`,
    ...repaired.map(
      (one) => `  ${timeOf(endOf(one))} ${nameOf(one)}${one.intent === null ? '' : `, intent ${one.intent}`}`,
    ),
  ];
  return `${lines.filter((line) => line !== null).join('\n')}\n`;
}

function countsOf(open: readonly DiscrepancyShown[]): ScrubReport['open'] {
  const counts = new Map<string, ScrubReport['open'][number]>();
  for (const { class: sort, facet } of open) {
    const name = `${facet} ${sort}`;
    counts.set(name, { facet, class: sort, count: (counts.get(name)?.count ?? 0) + 1 });
  }
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, entry]) => entry);
}

/** When it came to the state that it has. */
function endOf({ history, lastSeenAt }: DiscrepancyShown): number {
  return history.at(-1)?.at ?? lastSeenAt;
}

function nameOf({ class: sort, facet, key, remedy, volume }: DiscrepancyShown): string {
  return `${facet} ${sort} ${volume ?? key} (${remedy.name})`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

function secondsOf(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}
