/** What must hold before anything is merged, in two rows that run side by side: as many as the smallest machine has cores. */
import { run } from './run.mjs';

const DEADLINE_MS = 10 * 60_000;

/**
 * @typedef {{ name: string, script: string, args?: string[] }} Phase
 * @typedef {{ phase: Phase } & import('./run.mjs').Outcome} PhaseOutcome
 */

/** @type {Phase[][]} the phases by name of their script in package.json; those of a row run one after the other */
export const ROWS = [
  [
    { name: 'format', script: 'format:check' },
    { name: 'lint', script: 'lint' },
    { name: 'tidy', script: 'tidy' },
  ],
  [
    { name: 'types', script: 'types' },
    { name: 'build', script: 'build' },
    { name: 'unit', script: 'test:unit' },
  ],
];

/**
 * @param {Phase[][]} rows
 * @param {{ root: string, keepGoing: boolean, onEnd: (outcome: PhaseOutcome) => void }} how
 * @returns {Promise<PhaseOutcome[]>} of every phase that was begun
 */
export async function runPhases(rows, { root, keepGoing, onEnd }) {
  const stop = new AbortController();
  const ofRows = await Promise.all(
    rows.map(async (row) => {
      const outcomes = [];
      for (const phase of row) {
        if (stop.signal.aborted) break;
        const command = [
          'npm',
          'run',
          '--silent',
          phase.script,
          ...(phase.args ? ['--', ...phase.args] : []),
        ];
        const outcome = {
          phase,
          ...(await run(command, { cwd: root, deadlineMs: DEADLINE_MS, signal: stop.signal })),
        };
        outcomes.push(outcome);
        onEnd(outcome);
        if (!outcome.ok && !keepGoing) stop.abort();
      }
      return outcomes;
    }),
  );
  return ofRows.flat();
}

/** @param {PhaseOutcome} outcome */
export function phaseLine({ phase, ok, seconds, ending }) {
  const state = ok
    ? 'ok'
    : ending === 'stopped'
      ? 'stopped'
      : ending === 'deadline'
        ? 'FAILED (took too long)'
        : 'FAILED';
  return `${phase.name.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s  ${state}`;
}
