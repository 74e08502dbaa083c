import { claim } from './claims.js';
import { judgeDisks, judgeImages } from './disks.js';
import type { Finding } from './finding.js';
import type { History } from './history-file.js';
import { judgeReads } from './reads.js';
import { readRegistry } from './registry-shapes.js';
import { changeOf } from './request-kinds.js';
import { judgeRepairs } from './repairs.js';
import { judgeRest } from './rest.js';
import { judgeStrangers } from './strangers.js';
import { chainsOf } from './versions.js';

/** A1: how long all may need to agree once faults and requests have ended. */
const AGREE_MS = 60_000;
/** Of fewer changes a minute that were acknowledged nothing can be learnt, however well all ends. */
const ACKNOWLEDGED_MIN = 5;

export interface Checked {
  readonly findings: readonly Finding[];
  readonly totals: Readonly<Record<string, number>>;
}

/** Judges a history by itself: nothing but what clients heard and what the sources said. */
export function check(history: History): Checked {
  const { processes, readings } = history;
  const last = readings.at(-1);
  if (last === undefined)
    throw new Error('the history has no reading of the sources at rest, so nothing can be judged');
  // What was asked after the last rest has not been compared with anything.
  const requests = history.requests.filter(({ to }) => to <= last.line.to);
  const registry = readRegistry(last.seen.registry);
  const changes = requests.flatMap((request) => changeOf(request) ?? []);
  const claims = claim(changes, registry.actions);
  const chains = chainsOf(registry, claims);
  const outcomes = (outcome: string) => changes.filter((change) => change.outcome === outcome).length;
  const findings = [
    ...idle(outcomes('acknowledged'), readings.length),
    ...claims.findings,
    ...chains.findings,
    ...judgeReads(requests, { registry, chains, claims }),
    ...judgeStrangers(requests, registry),
    ...judgeDisks(history.looks, registry),
    ...judgeImages(readings),
    ...judgeRepairs(history.faults, registry),
    ...readings.flatMap(({ line, seen }) => [
      ...judgeRest(seen, processes).map((one) => ({
        ...one,
        what: `after minute ${line.round}: ${one.what}`,
      })),
      ...late(line),
    ]),
  ];
  return {
    findings,
    totals: {
      requests: requests.length,
      changes: changes.length,
      acknowledged: outcomes('acknowledged'),
      refused: outcomes('refused'),
      unknown: outcomes('unknown'),
      actions: registry.actions.length,
      volumes: chains.of.size,
      versions: [...chains.of.values()].reduce((sum, chain) => sum + chain.length - 1, 0),
      looks: history.looks.length,
      readings: readings.length,
    },
  };
}

function idle(acknowledged: number, minutes: number): readonly Finding[] {
  if (acknowledged >= minutes * ACKNOWLEDGED_MIN) return [];
  return [
    {
      rule: 'reached',
      what: `${acknowledged} changes were acknowledged in ${minutes} minutes: too few to show anything`,
    },
  ];
}

function late({ agreedMs, round }: { agreedMs: number; round: number }): readonly Finding[] {
  if (agreedMs <= AGREE_MS) return [];
  return [
    { rule: 'A1', what: `after minute ${round} it took ${Math.round(agreedMs / 1_000)} s until all agreed` },
  ];
}
