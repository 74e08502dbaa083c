/**
 * A system small enough to be right beyond doubt: it carries out one request after another, and writes down what its clients
 * heard and what its sources say, as a soak does. On request it lies, once.
 */
import { createHash } from 'node:crypto';
import type { LookLine, ReadingLine, RequestLine } from '../history.js';
import type { Draft } from './good-history.js';

export const kinds = ['create', 'attach', 'detach', 'grow', 'delete', 'look', 'list'] as const;

/** One thing that one of the clients asks for. */
export interface Asked {
  readonly what: (typeof kinds)[number];
  readonly client: number;
  /** Which of the volumes there are, or were. */
  readonly volume: number;
  readonly vm: number;
  readonly by: number;
  /** How the client hears of it: `broken`, never. */
  readonly ending: 'heard' | 'broken';
}

/** What the system does to one request, as soon as it can: acknowledge and forget it, do it twice, refuse and do it. */
export type Lie = 'forgets' | 'does twice' | 'refuses and does';

interface Volume {
  readonly id: string;
  readonly name: string;
  size: number;
  vm: number | null;
  rev: number;
  isGone: boolean;
}
interface Action {
  readonly n: number;
  readonly type: string;
  readonly resource: string;
  readonly params: Record<string, unknown>;
  readonly revAfter: number;
  readonly at: number;
}

export const CLIENTS = 3;
export const VMS = [7, 8] as const;
export const owner = '5d2f0a1c-3b4e-4f60-8a7b-9c0d1e2f3a4b';
const REGION = 'nyc1';
const POOL = 'volumes-nyc1';
const BOOT = '0f4d7a51-0c2e-4b57-9d0b-6a1f6a3b0009';
/** So far apart that clocks which disagree explain nothing. */
const STEP_MS = 20_000;
const UUID_BEGIN = '0f4d7a51-0c2e-4b57-9d0b-';
const imageOf = ({ id }: { id: string }): string => `volume-${id}`;

export class SmallSystem {
  readonly requests: RequestLine[] = [];
  readonly looks: LookLine[] = [];
  /** Of which volume it has lied. */
  lied: Volume | undefined;
  private readonly volumes: Volume[] = [];
  private readonly actions: Action[] = [];
  private readonly heardAt = new Map<number, number>();
  private minted = 0;
  private numbered = 100;

  constructor(
    private readonly lie?: Lie,
    /** From which request on. */
    private readonly lieFrom = 0,
  ) {}

  take(script: readonly Asked[]): this {
    for (const asked of script) this.step(asked);
    return this;
  }

  private step(asked: Asked): void {
    const at = (this.requests.length + 1) * STEP_MS;
    const volume = this.volumes[asked.volume % Math.max(1, this.volumes.length)];
    if (asked.what === 'create' || volume === undefined) this.create(asked, at);
    else if (asked.what === 'look') this.look(asked, volume, at);
    else if (asked.what === 'list') this.list(asked, at);
    else this.change({ ...asked, what: asked.what }, volume, at);
    for (const vm of VMS)
      this.looks.push({ line: 'look', vm, from: at + vm, to: at + vm, disks: this.disks(vm) });
  }

  private create(asked: Asked, at: number): void {
    const make = (): Volume => {
      const id = `${UUID_BEGIN}${String((this.minted += 1)).padStart(12, '0')}`;
      return { id, name: `v${at}`, size: asked.by, vm: null, rev: 0, isGone: false };
    };
    const made = make();
    const lie = this.lieFor(asked, made);
    if (lie !== 'forgets') this.made(made, at);
    if (lie === 'does twice') this.made(make(), at);
    const body = { name: made.name, size_gigabytes: asked.by, region: REGION };
    const answer = { volume: wire({ ...made, rev: 1 }) };
    this.answer(asked, at, { ...{ method: 'POST', path: '/v2/volumes', body }, ...ended(lie, 201, answer) });
  }

  private made(volume: Volume, at: number): void {
    this.volumes.push(volume);
    const params = { name: volume.name, sizeGib: volume.size, region: REGION };
    this.commit(volume, at, { type: 'create_volume', params });
  }

  private change(
    asked: Asked & { what: 'attach' | 'detach' | 'grow' | 'delete' },
    volume: Volume,
    at: number,
  ): void {
    const { what } = asked;
    const vm = VMS[asked.vm % VMS.length]!;
    const path = `/v2/volumes/${volume.id}`;
    const size = volume.size + asked.by;
    const acts = {
      attach: { can: volume.vm === null, body: { type: 'attach', droplet_id: vm } },
      detach: { can: volume.vm === vm, body: { type: 'detach', droplet_id: vm } },
      grow: { can: true, body: { type: 'resize', size_gigabytes: size } },
      delete: { can: volume.vm === null, body: undefined },
    };
    const { can, body } = acts[what];
    const how =
      body === undefined ? { method: 'DELETE', path } : { method: 'POST', path: `${path}/actions`, body };
    if (volume.isGone || !can)
      return this.answer(asked, at, { ...how, status: volume.isGone ? 404 : 422, answer: { message: 'no' } });
    const lie = this.lieFor(asked, volume);
    const times = lie === 'forgets' ? 0 : lie === 'does twice' ? 2 : 1;
    const type = what === 'grow' ? 'resize_volume' : `${what}_volume`;
    const params = what === 'grow' ? { sizeGib: size } : what === 'delete' ? {} : { vm };
    // What is forgotten had its number all the same.
    const n = times === 0 ? (this.numbered += 1) : this.numbered + 1;
    for (let time = 0; time < times; time += 1) this.commit(volume, at, { type, params });
    if (body === undefined) return this.answer(asked, at, { ...how, ...ended(lie, 204, undefined) });
    const answer = { action: { id: n, type, status: 'in-progress' } };
    this.answer(asked, at, { ...how, ...ended(lie, 202, answer) });
  }

  private commit(volume: Volume, at: number, { params, type }: Pick<Action, 'type' | 'params'>): void {
    const { vm, sizeGib } = params;
    if (type === 'attach_volume') volume.vm = Number(vm);
    if (type === 'detach_volume') volume.vm = null;
    if (type === 'resize_volume') volume.size = Number(sizeGib);
    if (type === 'delete_volume') volume.isGone = true;
    volume.rev += 1;
    const n = (this.numbered += 1);
    this.actions.push({ n, type, params, at, resource: `volume/${volume.id}`, revAfter: volume.rev });
  }

  private look(asked: Asked, volume: Volume, at: number): void {
    const { id, isGone } = volume;
    const said = isGone ? { status: 404, answer: { message: 'no' } } : { answer: { volume: wire(volume) } };
    this.answer({ ...asked, ending: 'heard' }, at, { method: 'GET', path: `/v2/volumes/${id}`, ...said });
  }

  private list(asked: Asked, at: number): void {
    const volumes = this.living.map(wire);
    const answer = { volumes, meta: { total: volumes.length } };
    this.answer({ ...asked, ending: 'heard' }, at, { method: 'GET', path: '/v2/volumes', answer });
  }

  /** Requests of several clients overlap; those of one never do. All happens at one instant within. */
  private answer({ client, ending }: Asked, at: number, said: Partial<RequestLine>): void {
    const name = client % CLIENTS;
    const from = Math.max(at - 2 * STEP_MS, (this.heardAt.get(name) ?? 0) + 1);
    const to = at + STEP_MS / 2 + 10 * name;
    this.heardAt.set(name, to);
    const isUnheard = ending === 'broken' && (said.status ?? 200) < 300;
    const { answer, ...rest } = { ...{ method: 'GET', path: '/', status: 200 }, ...said };
    const end = isUnheard ? 'broken' : 'answered';
    const n = this.requests.length + 1;
    const line = { line: 'request' as const, n, client: `c${name}`, account: owner, from, to, end, ...rest };
    this.requests.push({
      ...line,
      ...(isUnheard ? { status: undefined } : { answer }),
    } as RequestLine); // The table of its parts is complete, but each is optional.
  }

  private lieFor({ ending, what }: Asked, volume: Volume): Lie | undefined {
    const isTime = this.lied === undefined && this.requests.length >= this.lieFrom;
    // A delete that is waited for names no action: forgotten, it cannot be told from another one that nobody heard of.
    const canTell = ending === 'heard' && !(this.lie === 'forgets' && what === 'delete');
    if (this.lie === undefined || !isTime || !canTell) return undefined;
    this.lied = volume;
    return this.lie;
  }

  private get living(): readonly Volume[] {
    return this.volumes.filter(({ isGone }) => !isGone);
  }

  private disks(vm: number): LookLine['disks'] {
    return this.living
      .filter((volume) => volume.vm === vm)
      .map((volume) => ({ vm, file: imageOf(volume), sizeGib: volume.size, isPlugged: true }));
  }

  /** What all sources say when nobody asks for anything any more. */
  get draft(): Draft {
    const at = (this.requests.length + 2) * STEP_MS + 1_000;
    const attached = this.living.filter(({ vm }) => vm !== null);
    return {
      requests: this.requests,
      looks: this.looks,
      reading: {
        ...{ line: 'reading', round: 1, restedAt: at, agreedMs: 900, from: at + 900, to: at + 1_000 },
        registry: { changed: this.registry(), gone: [] },
        images: this.living.map((volume) => ({
          ...{ pool: POOL, name: imageOf(volume) },
          opened: { id: `image-${volume.id}`, sizeGib: volume.size },
        })),
        trash: this.volumes
          .filter(({ isGone }) => isGone)
          .map((volume) => ({ pool: POOL, name: imageOf(volume) })),
        disks: VMS.flatMap((vm) => this.disks(vm)),
        guests: attached.map(({ name, size, vm }) => ({
          vm: vm!,
          name: 'sd',
          sizeGib: size,
          identity: name,
        })),
        silent: [],
        subscriptions: this.living.map(({ id, size }) => ({ volume: id, account: owner, sizeGib: size })),
      } satisfies ReadingLine,
    };
  }

  private registry(): Record<string, unknown> {
    const size = this.living.reduce((sum, volume) => sum + volume.size, 0);
    return Object.fromEntries([
      ...this.actions.map(({ at, ...action }) => [
        `actions/${owner}/${action.n}`,
        {
          ...{ ...action, account: owner, intent: `i${action.n}`, kind: action.type, status: 'completed' },
          ...{ startedAt: at, completedAt: at },
        },
      ]),
      ...this.living.map(({ id, name, rev, size: sizeGib, vm }) => [
        `volumes/${owner}/${id}`,
        {
          ...{ id, account: owner, name, region: REGION, sizeGib, rev, imageId: `image-${id}` },
          attachment: vm === null ? null : { vm },
        },
      ]),
      ...this.volumes
        .filter(({ isGone }) => isGone)
        .map(({ id, rev }) => [`tombstones/${id}`, { id, account: owner, region: REGION, rev }]),
      ...this.volumes.map(({ id }) => [`owners/${id}`, owner]),
      ...this.living.map(({ id, name }) => [nameKey(name), id]),
      [`usage/${owner}`, { volumes: this.living.length, gib: size }],
      ...VMS.map((vm) => [`vms/${vm}`, { id: vm, account: owner, slots: this.slots(vm) }]),
      [`boots/${BOOT}`, { boot: BOOT, name: 'api', state: 'alive' }],
      [`beats/${BOOT}`, { beats: 1 }],
    ]) as Record<string, unknown>;
  }

  private slots(vm: number): Record<string, string> {
    const own = this.living.filter((volume) => volume.vm === vm);
    return Object.fromEntries(own.map(({ id }) => [id, 'attached']));
  }
}

function nameKey(name: string): string {
  return `names/${owner}/${REGION}/volume/${createHash('sha256').update(name).digest('hex')}`;
}

const wire = ({ id, name, size, vm }: Volume) => ({
  ...{ id, name, size_gigabytes: size, droplet_ids: vm === null ? [] : [vm] },
  region: { slug: REGION },
});

/** What a client is told: a lie, or how it is. */
function ended(lie: Lie | undefined, status: number, answer: unknown): Partial<RequestLine> {
  if (lie === 'refuses and does') return { status: 503, answer: { message: 'Not now. (unavailable)' } };
  return { status, answer };
}
