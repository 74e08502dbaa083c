/**
 * V2: what clients were shown. Every answer is some version of the volume, none that was only asked for later, and for one
 * client never an older one than it has seen before.
 */
import { z } from 'zod';
import type { Claims } from './claims.js';
import type { Finding } from './finding.js';
import type { RequestLine } from './history.js';
import type { Registry } from './registry-shapes.js';
import { shownAction, shownVolume, type ShownAction, type ShownVolume } from './request-kinds.js';
import type { Chains, Version } from './versions.js';

const answers = z.object({
  volume: shownVolume,
  volumes: z.array(shownVolume),
  action: shownAction,
  actions: z.array(shownAction),
  droplet: z.object({ id: z.number(), volume_ids: z.array(z.string()) }),
  droplets: z.array(z.object({ id: z.number(), volume_ids: z.array(z.string()) })),
  meta: z.object({ total: z.number() }),
});

export function judgeReads(
  requests: readonly RequestLine[],
  by: { registry: Registry; chains: Chains; claims: Claims },
): readonly Finding[] {
  const findings: Finding[] = [];
  const readers = new Map<string, Reader>();
  for (const request of requests) {
    if (request.end !== 'answered' || request.account === null) continue;
    const name = `${request.account}/${request.client}`;
    const reader = readers.get(name) ?? new Reader(by, findings);
    readers.set(name, reader);
    reader.hear(request);
  }
  return findings;
}

/** One client, with the oldest version that it may still be shown of each volume. */
class Reader {
  private readonly least = new Map<string, number>();
  private readonly ended = new Map<string, string>();
  private request!: RequestLine;

  constructor(
    private readonly by: { registry: Registry; chains: Chains; claims: Claims },
    private readonly findings: Finding[],
  ) {}

  hear(request: RequestLine): void {
    this.request = request;
    const { method, path, status = 0, answer } = request;
    const { pathname, searchParams } = new URL(path, 'http://soak');
    const id = /^\/v2\/volumes\/([0-9a-f-]{36})$/.exec(pathname)?.[1];
    if (method === 'GET' && id !== undefined && status === 404) this.absent(id);
    if (method === 'DELETE' && id !== undefined && status === 204) this.absent(id, { afterwards: true });
    if (status >= 300) return;
    const said = answers.partial().safeParse(answer).data ?? {};
    if (method === 'POST' && pathname === '/v2/volumes' && said.volume) this.made(said.volume);
    else if (said.volume) this.shown(said.volume);
    for (const volume of said.volumes ?? []) this.shown(volume);
    for (const action of [said.action ?? [], said.actions ?? []].flat()) this.action(action);
    for (const droplet of [said.droplet ?? [], said.droplets ?? []].flat())
      for (const volume of droplet.volume_ids)
        this.seen(volume, ({ state }) => state?.vm === droplet.id, `in VM ${droplet.id}`);
    const isWhole = pathname === '/v2/volumes' && !searchParams.has('name') && !searchParams.has('region');
    if (said.volumes && isWhole && said.meta?.total === said.volumes.length) this.whole(said.volumes);
  }

  /** With a key the answer may be of a volume that is gone by now: it did exist, and this is what it was. */
  private made(volume: ShownVolume): void {
    const chain = this.by.chains.of.get(volume.id) ?? [];
    if (this.request.key === undefined) this.shown(volume);
    else if (!chain.some((version) => isShown(version, volume)))
      this.wrong(volume.id, `is shown as it never was: ${textOf(volume)}`);
  }

  private shown(volume: ShownVolume): void {
    this.seen(volume.id, (version) => isShown(version, volume), textOf(volume));
  }

  private absent(id: string, { afterwards = false } = {}): void {
    const chain = this.by.chains.of.get(id);
    if (chain === undefined || this.ownerOf(id) !== this.request.account) return;
    this.seen(
      id,
      ({ rev, state }) => state === null && (rev > 0 || !afterwards || chain.length === 1),
      'not there',
    );
  }

  /** A list that holds all: what this client knows to have been there, and is not in it, must be gone. */
  private whole(volumes: readonly ShownVolume[]): void {
    const listed = new Set(volumes.map(({ id }) => id));
    for (const [id, least] of this.least)
      if (least > 0 && !listed.has(id))
        this.seen(id, ({ state }) => state === null, 'not in the list of all');
  }

  private action({ id, status }: ShownAction): void {
    const { account } = this.request;
    const entry = this.by.registry.actions.find((one) => one.n === id && one.account === account);
    const place = `${account}/${id}`;
    const before = this.ended.get(place);
    if (before !== undefined && before !== status)
      this.wrong(undefined, `action ${id} was ${before} and is ${status}`);
    if (status === 'in-progress') return;
    this.ended.set(place, status);
    if (entry === undefined || entry.status !== status)
      return this.wrong(
        entry?.resource,
        `action ${id} is shown as ${status}, and the registry says ${entry?.status}`,
      );
    // In the instant an action turns, the volume already shows the result.
    if (entry.revAfter !== null)
      this.least.set(entry.resource, Math.max(entry.revAfter, this.least.get(entry.resource) ?? 0));
  }

  /** Takes the oldest version that it can be: whatever comes next then has the most room. */
  private seen(id: string, fits: (version: Version) => boolean, what: string): void {
    const chain = this.by.chains.of.get(id) ?? [{ rev: 0, state: null }];
    const least = this.least.get(id) ?? 0;
    const possible = chain.filter(fits);
    const version = possible.find(({ rev }) => rev >= least);
    if (version === undefined) {
      const how =
        possible.length === 0 ? 'as it never was' : `as it was before version ${least}, which it had seen`;
      return this.wrong(id, `is shown ${how}: ${what}`);
    }
    const claimed = version.action && this.by.claims.of.get(version.action);
    const asked = (claimed ?? []).map(({ request }) => request.from);
    if (asked.length > 0 && Math.min(...asked) > this.request.to)
      this.wrong(id, `is shown as it was only asked to be later: ${what}`);
    this.least.set(id, version.rev);
  }

  private ownerOf(id: string): unknown {
    return this.by.registry.owners.get(id);
  }

  private wrong(volume: string | undefined, what: string): void {
    const about = volume === undefined ? {} : { volume };
    this.findings.push({
      rule: 'V2',
      what: `${this.request.client}: ${what}`,
      requests: [this.request.n],
      ...about,
    });
  }
}

function isShown({ state }: Version, { droplet_ids, name, size_gigabytes }: ShownVolume): boolean {
  return (
    state !== null &&
    state.name === name &&
    state.size === size_gigabytes &&
    state.vm === (droplet_ids[0] ?? null)
  );
}

function textOf({ droplet_ids, name, size_gigabytes }: ShownVolume): string {
  return `${name}, ${size_gigabytes} GiB, in VM ${droplet_ids.join() || 'none'}`;
}
