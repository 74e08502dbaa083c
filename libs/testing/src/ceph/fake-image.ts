import { GIB, cephImage } from '@plumbline/ceph-facets';
import type { ImageSeen, ImageWant } from '@plumbline/ceph-facets';
import { BusyError, InvariantError, RejectedError, TransientError, volumeIdOfImage } from '@plumbline/domain';
import type { AnyFacet, Applied, Backend, Change, Json, Place } from '@plumbline/domain';
import type { FakeCalls, FakeLine } from './fake-calls.js';
import type { AddressOwner, FakeCeph } from './fake-ceph.js';
import type { FakePool } from './fake-pool.js';

/** A half-made image is removed and made anew; one that is half-made once more has another maker. */
const BUILDS_MAX = 3;

const wanted = cephImage.want.nullable();
const seenOrGone = cephImage.seen.nullable();

type Adopted = Extract<ImageWant, { adoptedFrom: string }>;
type Restored = Extract<ImageWant, { restored: true }>;

interface At {
  readonly line: FakeLine;
  readonly before: ImageSeen | null;
}

/** `ceph.image` on the fake cluster, call by call as the real adapter does it. */
export class FakeImages implements Backend {
  readonly facet: AnyFacet = cephImage;

  constructor(
    private readonly ceph: FakeCeph,
    private readonly calls: FakeCalls,
    private readonly ownerOf: (address: string) => AddressOwner,
  ) {}

  observe(place: Place, signal: AbortSignal): Promise<Json> {
    return this.calls.inLine(place.key, signal, (line) => this.look(line));
  }

  confirm(place: Place, want: Json, signal: AbortSignal): Promise<Json> {
    const { imageId } = wanted.parse(want) ?? {};
    return this.calls.inLine(place.key, signal, (line) =>
      line.call('look', () => (imageId === undefined ? null : lookById(line.pool, imageId))),
    );
  }

  async *list(signal: AbortSignal) {
    const keys = await this.calls.beside('list', '', signal, () => this.keysInOrder());
    for (const key of keys) {
      const seen = await this.calls.beside('look', key, signal, () => lookAt(this.ceph, key));
      if (seen !== null && seen.state !== 'trashed') yield { key, seen };
    }
  }

  apply(place: Place, change: Change, signal: AbortSignal): Promise<Applied> {
    const want = wanted.parse(change.want);
    const before = seenOrGone.parse(change.before);
    return this.calls.inLine(place.key, signal, async (line) => ({
      seen: await this.reach({ line, before }, want),
    }));
  }

  undo(place: Place, change: Change, signal: AbortSignal): Promise<Applied> {
    const [want, before] = [wanted.parse(change.want), seenOrGone.parse(change.before)];
    if (want !== null && 'adoptedFrom' in want)
      return this.calls.inLine(place.key, signal, async (line) => ({
        seen: await this.rename(line, { ...want, from: line.name, to: want.adoptedFrom }),
      }));
    const stays = before?.state === 'open' || (want !== null && 'restored' in want);
    return this.calls.inLine(place.key, signal, async (line) => ({
      seen: stays ? await this.look(line) : await this.moveToTrash({ line, before: null }),
    }));
  }

  idle(place: Place): Promise<void> {
    return this.calls.idle(place.key);
  }

  private reach(at: At, want: ImageWant | null): Promise<ImageSeen | null> {
    if (want === null) return this.purge(at);
    if ('trashed' in want) return this.moveToTrash(at);
    if ('restored' in want) return this.restore(at, want);
    if ('adoptedFrom' in want) return this.adopt(at, want);
    if ('releasedAs' in want)
      return this.rename(at.line, { ...want, from: at.line.name, to: want.releasedAs });
    const bytes = want.sizeGib * GIB;
    return at.before?.state === 'open' ? this.grow(at, bytes) : this.build(at, bytes);
  }

  private async restore({ line }: At, { from, imageId }: Restored): Promise<ImageSeen | null> {
    const seen = await this.look(line);
    if (seen?.state === 'trashed' && seen.imageId === imageId)
      await line.call('restore', () => line.pool.restore(imageId, line.name));
    if (from === undefined || (seen !== null && seen.state !== 'half-made')) return this.look(line);
    const found = await line.call('look', () => lookById(line.pool, imageId));
    if (found === null) throw new InvariantError(`image ${line.key} is nowhere`, { reason: 'image-missing' });
    if (found.state === 'trashed') await line.call('restore', () => line.pool.restore(imageId, line.name));
    else await this.rename(line, { from, to: line.name, imageId });
    return this.look(line);
  }

  private async adopt({ line }: At, { adoptedFrom: from, imageId, sizeGib }: Adopted) {
    if ((await this.look(line)) === null) {
      const opened = await line.call('look', () => line.pool.opened(from));
      if (opened?.imageId !== imageId || opened.sizeBytes < sizeGib * GIB)
        throw new RejectedError(`image ${from} is not the one that was to be adopted`, {
          reason: 'ceph-missing',
        });
      const watchers = await line.call('look', () => line.pool.watchersOf(imageId));
      if (watchers.some((address) => this.ownerOf(address) === 'nobody-known'))
        throw new BusyError(`image ${from} is still in use`, { reason: 'stranger' });
    }
    return this.rename(line, { from, to: line.name, imageId });
  }

  /** In the order of the real one: what opens by its new name is renamed altogether. */
  private async rename(
    line: FakeLine,
    { from, to, imageId }: { from: string; to: string; imageId: string },
  ): Promise<ImageSeen | null> {
    const { call, pool } = line;
    const isListed = await call('look', () => ({
      to: pool.directory.get(to),
      from: pool.directory.get(from),
    }));
    if (isListed.to !== imageId && isListed.from !== imageId) return this.look(line);
    const leadsTo = await call('look', () => pool.ids.get(to));
    if ([isListed.to, leadsTo].some((id) => id !== undefined && id !== imageId))
      throw new InvariantError(`the name ${to} is another image's`, { reason: 'stranger' });
    if (isListed.to === undefined && !(await call('rename', () => pool.renameInDirectory(from, to, imageId))))
      throw new RejectedError(`could not rename image ${from} to ${to}`, { reason: 'ceph-exists' });
    await call('drop-id', () => pool.dropIdOf(from, imageId));
    if (leadsTo === undefined) await call('write-id', () => pool.writeIdOf(to, imageId));
    return this.look(line);
  }

  private async build(at: At, bytes: number): Promise<ImageSeen> {
    const { pool, name, key } = at.line;
    for (let builds = 0; builds < BUILDS_MAX; builds += 1) {
      const made = at.before?.state === 'trashed' ? null : await this.create(at.line, bytes);
      if (made !== null) return made;
      const seen = await this.look(at.line);
      if (seen?.state === 'open')
        return seen.sizeBytes < bytes ? this.grow({ ...at, before: seen }, bytes) : seen;
      if (seen?.state === 'trashed') await at.line.call('restore', () => pool.restore(seen.imageId, name));
      if (seen?.state === 'half-made') await this.clearHalfMade(at.line, seen);
      if (seen?.state === 'half-made' && seen.sizeBytes > 0)
        await at.line.call('restore', () => pool.restore(seen.imageId, name));
    }
    throw new TransientError(`image ${key} keeps changing under us`, { reason: 'ceph-contended' });
  }

  /** Two effects: who dies in between leaves an image that is listed and cannot be opened. */
  private async create({ pool, name, call }: FakeLine, bytes: number): Promise<ImageSeen | null> {
    const imageId = await call('write-name', () => pool.writeName(name, this.ceph.nextImageId()));
    if (imageId === null) return null;
    await call('write-header', () => pool.writeHeader(imageId, bytes));
    return { imageId, sizeBytes: bytes, state: 'open' };
  }

  private async grow({ line, before }: At, bytes: number): Promise<ImageSeen> {
    const { pool, key, call } = line;
    const seen = await this.look(line);
    expectSameImage(before, seen);
    if (seen?.state !== 'open') {
      throw new RejectedError(`there is no image ${key} to grow`, { reason: 'ceph-missing' });
    }
    const { imageId } = seen;
    return this.opened(line, imageId, () =>
      call('grow', () => {
        const sizeBytes = Math.max(pool.headers.get(imageId) ?? 0, bytes);
        pool.writeHeader(imageId, sizeBytes);
        return { imageId, sizeBytes, state: 'open' as const };
      }),
    );
  }

  private async moveToTrash({ line, before }: At): Promise<ImageSeen | null> {
    const seen = await this.look(line);
    if (seen?.state === 'half-made') {
      await this.clearHalfMade(line, seen);
      return this.look(line);
    }
    if (seen?.state !== 'open') return seen;
    expectSameImage(before, seen);
    const watchers = await line.call('look', () => line.pool.watchersOf(seen.imageId));
    if (watchers.some((address) => this.ownerOf(address) === 'nobody-known')) {
      throw new BusyError(`image ${line.key} is still in use`, { reason: 'stranger' });
    }
    for (const address of watchers)
      if (this.ownerOf(address) === 'condemned-boot')
        await line.call('blocklist', () => this.ceph.fence(address));
    await this.opened(line, seen.imageId, () => this.trash(line, seen.imageId));
    return { ...seen, state: 'trashed' };
  }

  private async trash({ pool, name, call }: FakeLine, imageId: string): Promise<void> {
    const entry = { name, deletedAtMs: this.ceph.nowMs(), whole: false };
    await call('note-in-trash', () => pool.noteInTrash(imageId, entry));
    await call('drop-id', () => pool.dropId(name));
    await call('drop-name', () => pool.dropName(name, imageId));
  }

  private async clearHalfMade(line: FakeLine, { imageId, sizeBytes }: ImageSeen): Promise<void> {
    if (sizeBytes === 0) await line.call('remove', () => line.pool.remove(line.name));
    else await this.trash(line, imageId);
  }

  private async purge({ line, before }: At): Promise<null> {
    const { pool, key, call } = line;
    const seen = await this.look(line);
    if (seen === null) return null;
    expectSameImage(before, seen);
    if (seen.state !== 'trashed') {
      throw new RejectedError(`image ${key} is not in the trash`, { reason: 'ceph-not-in-trash' });
    }
    await this.opened(line, seen.imageId, () => call('purge', () => pool.purge(seen.imageId)));
    return null;
  }

  /** Works on an opened image: its watch stays when we die before closing it. */
  private async opened<T>(line: FakeLine, imageId: string, work: () => Promise<T>): Promise<T> {
    const { pool, key, call, release, address } = line;
    await call('open', () => {
      if (pool.watchersOf(imageId).some((watcher) => this.ceph.dead.has(watcher))) {
        throw new TransientError(`image ${key} is held by a client that died`, { reason: 'ceph-busy' });
      }
      pool.watch(imageId, address);
    });
    try {
      return await work();
    } finally {
      await release('close', () => pool.unwatch(imageId, address));
    }
  }

  private look(line: FakeLine): Promise<ImageSeen | null> {
    return line.call('look', () => lookAt(this.ceph, line.key));
  }

  /** By volume id over all pools, strangers' images last. */
  private keysInOrder(): string[] {
    const named = [...this.ceph.pools].flatMap(([pool, { directory }]) =>
      [...directory.keys()].map((name) => ({ key: `${pool}/${name}`, id: volumeIdOfImage(name) })),
    );
    const order = ({ key, id }: (typeof named)[number]) => `${id === null ? 1 : 0} ${id ?? key}`;
    return named.sort((a, b) => (order(a) < order(b) ? -1 : 1)).map(({ key }) => key);
  }
}

export function lookAt(ceph: FakeCeph, key: string): ImageSeen | null {
  const { pool, name } = ceph.at(key);
  const opened = pool.opened(name);
  if (opened !== null) return { ...opened, state: 'open' };
  const listed = pool.ids.get(name) ?? pool.directory.get(name);
  if (listed !== undefined) return unusable(pool, listed, 'half-made');
  const trashed = [...pool.trash].filter(([, entry]) => entry.name === name);
  const latest = trashed.sort(([, a], [, b]) => b.deletedAtMs - a.deletedAtMs)[0];
  return latest === undefined ? null : unusable(pool, latest[0], latest[1].whole ? 'trashed' : 'half-made');
}

function lookById(pool: FakePool, imageId: string): ImageSeen | null {
  const sizeBytes = pool.headers.get(imageId);
  if (sizeBytes === undefined) return null;
  const trashed = pool.trash.get(imageId);
  if (trashed !== undefined)
    return { imageId, sizeBytes, state: trashed.whole ? 'trashed' : 'half-made', name: trashed.name };
  const [name] = [...pool.directory].find(([, id]) => id === imageId) ?? [];
  return name === undefined ? null : { imageId, sizeBytes, state: 'renamed', name };
}

function unusable(pool: FakePool, imageId: string, state: 'half-made' | 'trashed'): ImageSeen {
  return { imageId, sizeBytes: pool.headers.get(imageId) ?? 0, state };
}

function expectSameImage(before: ImageSeen | null, seen: ImageSeen | null): void {
  if (before === null || before.state === 'half-made' || seen === null || before.imageId === seen.imageId)
    return;
  throw new InvariantError('another image stands under the name of ours', { reason: 'stranger' });
}
