import { z } from 'zod';
import type { Answer, Request } from './api.js';
import type { Memory } from './memory.js';

const volume = z.object({
  id: z.string(),
  name: z.string(),
  size_gigabytes: z.number(),
  region: z.object({ slug: z.string() }),
  droplet_ids: z.array(z.number()),
});
const answers = z.object({
  volume: volume.optional(),
  volumes: z.array(volume).optional(),
  action: z.object({ id: z.number(), status: z.string(), type: z.string() }).optional(),
  links: z.object({ volume: z.object({ id: z.string() }).optional() }).optional(),
});
const acting = z.object({
  type: z.string(),
  droplet_id: z.number().optional(),
  size_gigabytes: z.number().optional(),
});
const creating = z.object({ name: z.string(), size_gigabytes: z.number(), region: z.string() });

const IN_PATH = /^\/v2\/volumes\/([0-9a-f-]{36})/;

/** What a client takes from an answer: enough to ask sensibly next time. */
export function learn(memory: Memory, request: Request, { end, status, answer }: Answer): void {
  if (end !== 'answered' || status === undefined) return;
  const id = IN_PATH.exec(request.path)?.[1];
  if (status === 404 && id !== undefined) memory.forget(id);
  if (status === 204 && id !== undefined) memory.forget(id);
  if (status >= 300) return;
  const said = answers.safeParse(answer).data;
  if (said === undefined) return;
  for (const each of [said.volume, ...(said.volumes ?? [])])
    if (each !== undefined)
      memory.volume({
        id: each.id,
        name: each.name,
        size: each.size_gigabytes,
        region: each.region.slug,
        vm: each.droplet_ids[0] ?? null,
      });
  const made = said.links?.volume?.id;
  const wish = creating.safeParse(request.body).data;
  if (made !== undefined && wish !== undefined)
    memory.volume({ id: made, name: wish.name, size: wish.size_gigabytes, region: wish.region, vm: null });
  const of = id ?? made;
  if (said.action !== undefined && of !== undefined) {
    memory.action(of, said.action.id);
    expect(memory, of, request);
  }
}

/** An action that is recorded will come true, as far as its client knows. */
function expect(memory: Memory, id: string, request: Request): void {
  if (request.method === 'DELETE') return memory.forget(id);
  const believed = memory.volumes.get(id);
  const wish = acting.safeParse(request.body).data;
  if (believed === undefined || wish === undefined) return;
  if (wish.type === 'attach') believed.vm = wish.droplet_id ?? null;
  if (wish.type === 'detach') believed.vm = null;
  if (wish.type === 'resize') believed.size = wish.size_gigabytes ?? believed.size;
}
