/** What a request asks for, and what its answer says of it, by the wire contract alone. */
import { z } from 'zod';
import type { RequestLine } from './history.js';

export const shownVolume = z.object({
  id: z.string(),
  name: z.string(),
  size_gigabytes: z.number(),
  droplet_ids: z.array(z.number()),
  region: z.object({ slug: z.string() }),
});
export type ShownVolume = z.infer<typeof shownVolume>;

export const shownAction = z.object({
  id: z.number(),
  status: z.enum(['in-progress', 'completed', 'errored']),
  type: z.string(),
});
export type ShownAction = z.infer<typeof shownAction>;

const body = z.object({
  name: z.string(),
  size_gigabytes: z.number(),
  region: z.string(),
  type: z.string(),
  droplet_id: z.number(),
  volume_name: z.string(),
});
const answer = z.object({
  volume: shownVolume,
  action: shownAction,
  links: z.object({ volume: z.object({ id: z.string() }).optional() }),
  message: z.string(),
});

/** A change that is asked for. Of the volume either the id is known, or its name and region. */
export interface Wish {
  readonly type: 'create_volume' | 'delete_volume' | 'attach_volume' | 'detach_volume' | 'resize_volume';
  readonly volume?: string;
  readonly name?: string;
  readonly region?: string;
  readonly size?: number;
  readonly vm?: number;
}

/**
 * `acknowledged`: recorded, and the client knows it. `refused`: nothing may come of it. `unknown`: it may have been
 * recorded, once. A request whose wait ended in vain says which action it was recorded as, and so is acknowledged too.
 */
export type Outcome = 'acknowledged' | 'refused' | 'unknown';

export interface Change {
  readonly request: RequestLine;
  readonly account: string;
  readonly wish: Wish;
  readonly outcome: Outcome;
  /** The action that the answer names. */
  readonly action?: number;
  /** The volume that the answer names. */
  readonly volume?: string;
}

const ACTION_TYPES = { attach: 'attach_volume', detach: 'detach_volume', resize: 'resize_volume' } as const;

/** Null: a read, or nothing that the contract knows. */
function wishOf({ method, path, body: raw }: RequestLine): Wish | null {
  const { pathname, searchParams } = new URL(path, 'http://soak');
  const given = body.partial().safeParse(raw).data ?? {};
  if (method === 'POST' && pathname === '/v2/volumes')
    return { type: 'create_volume', ...named(given.name, given.region), ...sized(given.size_gigabytes) };
  if (method === 'DELETE' && pathname === '/v2/volumes')
    return {
      type: 'delete_volume',
      ...named(searchParams.get('name') ?? undefined, searchParams.get('region') ?? undefined),
    };
  const [, id, acts] = /^\/v2\/volumes\/([^/]+)(\/actions)?$/.exec(pathname) ?? [];
  if (method === 'DELETE' && id !== undefined && acts === undefined)
    return { type: 'delete_volume', volume: id };
  if (method !== 'POST') return null;
  const type = ACTION_TYPES[given.type as keyof typeof ACTION_TYPES];
  if (type === undefined) return null;
  const what = {
    type,
    ...sized(given.size_gigabytes),
    ...(given.droplet_id === undefined ? {} : { vm: given.droplet_id }),
  };
  if (pathname === '/v2/volumes/actions') return { ...what, ...named(given.volume_name, given.region) };
  return id !== undefined && acts !== undefined ? { ...what, volume: id } : null;
}

const named = (name?: string, region?: string) => ({
  ...(name === undefined ? {} : { name }),
  ...(region === undefined ? {} : { region }),
});
const sized = (size?: number) => (size === undefined ? {} : { size });

/** Null: a request that changes nothing. */
export function changeOf(request: RequestLine): Change | null {
  const wish = wishOf(request);
  if (wish === null) return null;
  const said = answer.partial().safeParse(request.answer).data ?? {};
  const pending = /recorded as action (\d+)/.exec(said.message ?? '')?.[1];
  const outcome = pending === undefined ? outcomeOf(request, said.message ?? '') : 'acknowledged';
  const action = said.action?.id ?? (pending === undefined ? undefined : Number(pending));
  const volume = said.volume?.id ?? said.links?.volume?.id;
  return {
    request,
    account: request.account ?? '',
    wish,
    outcome,
    ...(action === undefined ? {} : { action }),
    ...(volume === undefined ? {} : { volume }),
  };
}

function outcomeOf({ end, status = 0 }: RequestLine, message: string): Outcome {
  if (end === 'refused') return 'refused';
  if (end !== 'answered') return 'unknown';
  if (status >= 200 && status < 300) return 'acknowledged';
  if (status >= 400 && status < 500) return 'refused';
  return status === 503 && message.endsWith('(unavailable)') ? 'refused' : 'unknown';
}
