import { readFileSync, writeFileSync } from 'node:fs';
import { intentCatalog } from '@plumbline/intents';
import { POINTS, WAYS, exclusionOf } from './matrix/cells.js';
import type { Point, Way } from './matrix/cells.js';
import { excludedKind } from './matrix/damages.js';
import type { Move, Variant } from './matrix/variants.js';
import type { Outcome } from './control/subject.js';
import type { Results as Whole } from './run.js';

type Results = Omit<Whole, 'regions'>;

export function isGood({ outcomes, wrong }: Results): boolean {
  return (
    outcomes.length > 0 &&
    wrong.length === 0 &&
    outcomes.every((one) => one.wrong.length === 0 && one.reached)
  );
}

export function reportOf(results: Results): readonly string[] {
  const { batches, halfMade, outcomes, seconds, wrong } = results;
  const bad = outcomes.filter((one) => one.wrong.length > 0 || !one.reached);
  const lines = [
    `${outcomes.length} cases in ${batches} batches, ${Math.round(seconds)} s`,
    'reached',
    ...POINTS.map(
      (point) => `  ${point.padEnd(8)} ${countsOf(outcomes.filter((one) => one.point === point))}`,
    ),
    `half-made images seen while their makers were dead: ${halfMade}`,
  ];
  if (bad.length + wrong.length > 0) lines.push('', 'WRONG');
  for (const { kind, point, reached, step, volume, way, wrong: own } of bad) {
    lines.push(`  ${kind}, ${step}: ${way} at ${point} (volume ${volume})`);
    if (!reached) lines.push('    was never reached');
    for (const line of own) lines.push(`    ${line}`);
  }
  lines.push(...wrong.map((line) => `  ${line}`));
  return lines;
}

export function verdictOf(results: Results): string {
  if (isGood(results))
    return `All ${results.outcomes.length} cases ended as if nothing had happened, and a pass of the scrubber found nothing.`;
  return 'FAILED: see WRONG above; to repeat one kind of strike: tools/crash-matrix --only "WAY at POINT"';
}

function countsOf(outcomes: readonly Outcome[]): string {
  const reached = (way: Way) => outcomes.filter((one) => one.way === way && one.reached).length;
  const counts = WAYS.filter((way) => outcomes.some((one) => one.way === way));
  return counts.map((way) => `${way} ${reached(way)}`).join(' · ');
}

const BEGIN = '<!-- results: written by tools/crash-matrix -->';
const END = '<!-- end of results -->';

/** Puts the results into the page, between its marks. */
export function writePage(path: string, variants: readonly Variant[], results: Results): void {
  const page = readFileSync(path, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new TypeError(`${path} has no place for results`);
  const text = pageOf(variants, results).join('\n');
  writeFileSync(path, `${before}${BEGIN}\n\n${text}\n\n${END}${after}`);
}

function pageOf(variants: readonly Variant[], results: Results): readonly string[] {
  const notes: string[] = [];
  const tables = POINTS.flatMap((point) => [
    '',
    `### ${TITLES[point]}`,
    '',
    ...tableOf(variants, point, results, notes),
  ]);
  return [
    `${results.outcomes.length} cases, all reached: seconds from the strike to the end of everything that the intent caused.`,
    ...tables,
    '',
    '### What there is no case for',
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
    ...[...intentCatalog.values()].flatMap((definition) => {
      const why = excludedKind(definition);
      return why === null ? [] : [`\`${definition.kind}\`: ${why}`];
    }),
  ];
}

const TITLES: Readonly<Record<Point, string>> = {
  before: 'Before the effect',
  within: 'While the call is under way',
  after: 'After the effect',
  ledger: 'After the ledger',
};

function tableOf(
  variants: readonly Variant[],
  point: Point,
  { outcomes }: Results,
  notes: string[],
): readonly string[] {
  const ways = WAYS.filter((way) => outcomes.some((one) => one.point === point && one.way === way));
  const cellOf = (variant: Variant, move: Move, way: Way): string => {
    const why = exclusionOf(move, point, way);
    if (why !== null) return `[${noteOf(why, notes)}]`;
    const one = outcomes.find(
      ({ kind, step, ...rest }) =>
        kind === variant.name && step === move.label && rest.point === point && rest.way === way,
    );
    return one === undefined ? '?' : cellText(one);
  };
  const rows = variants.flatMap((variant) =>
    variant.moves
      .filter((move) => ways.some((way) => exclusionOf(move, point, way) === null))
      .map((move) => [variant.name, move.label, ...ways.map((way) => cellOf(variant, move, way))]),
  );
  return aligned([['kind', 'step', ...ways], ...rows]);
}

/** An end that is not the usual one is told besides the time. */
function cellText({ result, settleMs, wrong }: Outcome): string {
  const time = settleMs === null ? '?' : (settleMs / 1000).toFixed(1);
  if (wrong.length > 0) return `WRONG ${time}`;
  return result.startsWith('parked') ? `parked ${time}` : result === 'errored' ? `undone ${time}` : time;
}

function noteOf(why: string, notes: string[]): number {
  if (!notes.includes(why)) notes.push(why);
  return notes.indexOf(why) + 1;
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)];
}
