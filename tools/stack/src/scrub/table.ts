import type { Discrepancy, Plan, Scrub, Truth } from './answers.js';

const BAR_WIDTH = 24;
const ROWS_MAX = 100;

/** How far the pass is, as a bar; between two passes what the last one was. */
export function barOf({ lagMs, oldestLookMs, status }: Scrub): string {
  if (status === null) return 'No scrubber has led yet.';
  const { last, pass } = status;
  if (pass === null) {
    if (last === null) return 'No whole pass yet.';
    const took = agoOf(last.endedAt - last.startedAt);
    const since = `ended ${agoOf(lagMs ?? 0)} ago; no look is older than ${agoOf(oldestLookMs ?? 0)}`;
    return `Pass ${last.pass} of ${last.volumes} volumes took ${took} and ${since}.`;
  }
  const share =
    pass.expected === null || pass.expected === 0 ? null : Math.min(1, pass.looked / pass.expected);
  const full = Math.round((share ?? 0) * BAR_WIDTH);
  const bar = `${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}`;
  const percent = share === null ? '  ?' : `${Math.floor(share * 100)}`.padStart(3);
  return `Pass ${pass.pass} [${bar}] ${percent} %  ${pass.looked} of ${pass.expected ?? '?'} volumes, at most ${status.perSecond} a second`;
}

/** Sources that are asked less than they may be, because they answer more slowly than usual. */
export function slowedOf({ status }: Scrub): string[] {
  return (status?.paces ?? [])
    .filter(({ budget, perSecond }) => perSecond < budget)
    .map(
      ({ budget, perSecond, source }) =>
        `${source} answers more slowly than usual: it is asked ${Math.round(perSecond)} times a second, not ${budget}.`,
    );
}

/** What holds repairs back, or makes a part of the world unknown: a line each. */
export function hindrancesOf({ brakes, settings, status }: Scrub): string[] {
  return [
    ...(status?.last?.facets ?? [])
      .filter(({ objects }) => objects === null)
      .map(
        ({ facet }) =>
          `${facet} could not be listed: the last pass knows nothing of it. See docs/operating/outages.md`,
      ),
    ...(status?.last?.facets ?? [])
      .filter(({ unasked }) => unasked > 0)
      .map(
        ({ facet, unasked }) =>
          `${unasked} of ${facet} are where nobody answers: nothing is known of them. See docs/operating/outages.md`,
      ),
    ...brakes.map(
      ({ facet, of, why, wrong }) =>
        `BRAKE on ${facet}, ${why}: ${wrong} of ${of}. What to do: docs/operating/brakes.md#${why}`,
    ),
    ...(settings.paused ? ['Repairs are paused.'] : []),
  ];
}

export function tableOf(discrepancies: readonly Discrepancy[], now: number): string[] {
  if (discrepancies.length === 0) return [];
  const sorted = [...discrepancies].sort((one, other) => one.firstSeenAt - other.firstSeenAt);
  const rows = sorted
    .slice(0, ROWS_MAX)
    .map((one) => [
      one.state,
      one.facet,
      one.class,
      one.remedy.name,
      placeOf(one),
      agoOf(now - one.firstSeenAt),
    ]);
  const beyond = sorted.length - rows.length;
  return [
    ...aligned([['STATE', 'FACET', 'CLASS', 'REMEDY', 'VOLUME OR KEY', 'SINCE'], ...rows]),
    ...(beyond > 0 ? [`and ${beyond} more`] : []),
  ];
}

export function truthLinesOf({ facets, verdict }: Truth): string[] {
  const rows = facets.map(({ agrees, facet, host, key, unknown }) => [
    facet,
    agrees === null ? `unknown: ${unknown ?? ''}` : agrees ? 'agrees' : 'DIFFERS',
    host === undefined ? key : `${host} ${key}`,
  ]);
  return [...aligned([['FACET', 'SOURCE', 'KEY'], ...rows]), `The sources say: ${verdict}.`];
}

export function planLinesOf({ beyond, held, would }: Plan): string[] {
  const done = would.slice(0, ROWS_MAX).map((one) => [one.facet, one.class, placeOf(one), one.kind, one.why]);
  const left = held.slice(0, ROWS_MAX).map((one) => [one.facet, one.class, placeOf(one), one.by, one.why]);
  const more = beyond + Math.max(0, would.length - ROWS_MAX);
  return [
    ...(done.length === 0 ? [] : aligned([['FACET', 'CLASS', 'VOLUME OR KEY', 'INTENT', 'WHY'], ...done])),
    ...(more > 0 ? [`and ${more} more`] : []),
    ...(left.length === 0
      ? []
      : aligned([['LEFT ALONE', 'CLASS', 'VOLUME OR KEY', 'HELD BY', 'WHY'], ...left])),
  ];
}

/** A length of time, short and rounded. */
function agoOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

function placeOf({ key, volume }: { key: string; volume: string | null }): string {
  return volume ?? key;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
