import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';
import { readRegistry } from '@plumbline/testing';

const SCRUBBER = 'scrubber-1';
const PASS_MS = 120_000;

interface Pass {
  readonly msg?: string;
  readonly volumes: number;
  readonly suspicions: number;
  readonly confirmed: number;
  readonly unknown: readonly string[];
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
  const found = [...registry].filter(([key]) => key.startsWith('discrepancies/'));
  return [
    ...found.map(([key, { value }]) => `the scrubber reports ${key}: ${JSON.stringify(value)}`),
    ...(pass.suspicions === 0 ? [] : [`the scrubber suspected ${pass.suspicions} things`]),
    ...pass.unknown.map((facet) => `the scrubber could not look at ${facet}`),
  ];
}

function passIn(text: string): Pass | undefined {
  const lines = text.split('\n').filter((line) => line.includes('pass is done'));
  return lines.length === 0 ? undefined : (JSON.parse(lines[0]!) as Pass);
}
