import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import type { ApiClient } from '@plumbline/stack';
import type { Target } from '../target.js';

const askEveryMs = 10;

interface Action {
  readonly id: number;
  readonly status: string;
}

/** Records one create and does not wait for it. */
export async function recordOne(target: Target, token: string): Promise<{ action: number; volume: string }> {
  const answer = await fetch(`${target.url}/v2/volumes`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      prefer: 'respond-async',
    },
    body: JSON.stringify({ name: `one-${randomUUID()}`, size_gigabytes: 1, region: target.region }),
    signal: AbortSignal.timeout(5_000),
  });
  const text = await answer.text();
  if (answer.status !== 202) throw new Error(`recording answered ${answer.status}: ${text.slice(0, 200)}`);
  const { action, links } = JSON.parse(text) as { action: Action; links: { volume: { id: string } } };
  return { action: action.id, volume: links.volume.id };
}

/** Waits until an action has ended well. @returns false when it did not in that time */
export async function ended(client: ApiClient, action: number, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    const { status } = (await client.ask<{ action: Action }>('GET', `/v2/actions/${action}`)).action;
    if (status === 'completed') return true;
    if (status === 'errored') return false;
    await sleep(askEveryMs);
  }
  return false;
}

/** Records one create, and the time until it has ended. */
export async function timeOne(target: Target, token: string, withinMs: number): Promise<number> {
  const began = performance.now();
  const { action } = await recordOne(target, token);
  const isEnded = await ended(target.clientOf({ token }), action, withinMs);
  return isEnded ? performance.now() - began : withinMs;
}
