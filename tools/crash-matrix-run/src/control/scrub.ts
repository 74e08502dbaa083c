import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DiscrepancyRecord } from '@plumbline/domain';
import { waitFor } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';
import { readRegistry } from '@plumbline/testing';
import { BY_HAND } from '../matrix/damages.js';

const SCRUBBER = 'scrubber-1';
const PASS_MS = 120_000;

interface Pass {
  readonly msg?: string;
  readonly volumes: number;
  readonly confirmed: number;
  readonly filed: number;
  readonly facets: readonly { readonly facet: string; readonly objects: number | null }[];
}

/** Nobody repairs what a case has just damaged, or undone: the one pass that counts comes at the end. */
const ONCE = { PLUMBLINE_SCRUB_EVERY_MS: '86400000' };

export async function scrubOnlyWhenAsked(stack: RunningStack): Promise<void> {
  stack.override(SCRUBBER, ONCE);
  await stack.halt(SCRUBBER);
  await stack.begin('scrubber', SCRUBBER);
}

/** A new scrubber begins with a pass over everything; sentences about what it found, none if nothing. */
export async function scrubFindsNothing(stack: RunningStack): Promise<readonly string[]> {
  const log = join(stack.stack.layout.logs, `${SCRUBBER}.log`);
  await stack.halt(SCRUBBER);
  const from = statSync(log).size;
  await stack.begin('scrubber', SCRUBBER);
  const pass = await waitFor(() => passIn(readFileSync(log).subarray(from).toString('utf8')), {
    what: 'a pass of the scrubber',
    deadlineMs: PASS_MS,
  });
  const registry = await readRegistry(stack.env['CONSUL_HTTP_ADDR'] ?? '');
  const found = [...registry].filter(
    ([key, { value }]) => key.startsWith('discrepancies/') && !wasOnlyWaiting(value as DiscrepancyRecord),
  );
  return [
    ...found.map(([key, { value }]) => `the scrubber reports ${key}: ${JSON.stringify(value)}`),
    ...(pass.confirmed + pass.filed === 0
      ? []
      : [`the scrubber confirmed ${pass.confirmed} things, and repaired ${pass.filed}`]),
    ...pass.facets
      .filter(({ objects }) => objects === null)
      .map(({ facet }) => `the scrubber could not look at ${facet}`),
  ];
}

/** An image that was made by hand to be adopted is rightly told of as nobody's, as long as it is. */
function wasOnlyWaiting({ key, remedy, state }: DiscrepancyRecord): boolean {
  return state === 'repaired' && remedy.name === 'image-unknown' && key.includes(`/${BY_HAND}`);
}

function passIn(text: string): Pass | undefined {
  const lines = text.split('\n').filter((line) => line.includes('pass is done'));
  return lines.length === 0 ? undefined : (JSON.parse(lines[0]!) as Pass);
}
