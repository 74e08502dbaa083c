import { seconds } from '../progress.js';
import type { Source } from './look.js';

/** What one source said at one stage, and what it should have said. */
export interface Finding {
  source: Source;
  says: string;
  expected: string;
  /** How long it took until it said so, for a source that is told behind the answer. */
  tookMs?: number;
}

/** A stage of the volume's life: what was done, how long that took, and what the sources said of it. */
export interface Stage {
  name: string;
  tookMs: number;
  findings: readonly Finding[];
}

export function agrees({ says, expected }: Finding): boolean {
  return says === expected;
}

/** One line for what was done and one for each source, aligned. */
export function linesOf({ name, tookMs, findings }: Stage): string[] {
  return [`  ${name.padEnd(34)}${millis(tookMs)}`, ...findings.map(lineOf)];
}

function lineOf(finding: Finding): string {
  const { source, says, expected, tookMs } = finding;
  const mark = agrees(finding) ? 'agrees ' : 'DIFFERS';
  const wanted = agrees(finding) ? '' : `   (expected: ${expected})`;
  const after = tookMs === undefined ? '' : `   after ${millis(tookMs).trim()}`;
  return `    ${source.padEnd(10)}${mark}   ${says}${wanted}${after}`;
}

function millis(ms: number): string {
  return `${Math.round(ms)} ms`.padStart(8);
}

/** The line at the end. */
export function verdictOf(stages: readonly Stage[], tookMs: number): string {
  const apart = stages.flatMap(({ name, findings }) =>
    findings.filter((finding) => !agrees(finding)).map(({ source }) => `${source} at "${name}"`),
  );
  const took = seconds(tookMs);
  if (apart.length === 0) return `  All sources agreed at all ${stages.length} stages, in ${took}.`;
  return `  NOT all agreed, in ${took}: ${apart.join(', ')}. What Plumbline itself knows: ./tools/logs, /ops/v1/discrepancies`;
}
