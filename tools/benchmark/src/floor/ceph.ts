/**
 * Ceph without Plumbline: the same library, user, pool, size and features, and nothing around the calls. What it reaches
 * is what the machine can do at this moment.
 */
import { randomUUID } from 'node:crypto';
import {
  IMAGE_FEATURES,
  loadNative,
  type Cluster,
  type Image,
  type IoContext,
} from '@plumbline/ceph-adapter';
import { repeat, type Effort } from '../measure/effort.js';
import type { Measured } from '../measure/figures.js';

const gib = 1024 ** 3;
const allFeatures = Object.values(IMAGE_FEATURES).reduce((sum, bit) => sum + bit, 0);
/** Images are prepared, and thrown away, so many at a time. */
const asideInFlight = 16;

interface FloorImage {
  readonly name: string;
  sizeGib: number;
}

export class BareCeph {
  private readonly native = loadNative();
  private readonly cluster: Cluster;
  private io: IoContext | null = null;
  private images: FloorImage[] = [];
  private trashed = 0;

  constructor(
    private readonly pool: string,
    where: { conf: string; user: string },
  ) {
    this.cluster = made((out: [Cluster | null]) => this.native.clusterCreate(out, 'ceph', where.user, 0));
    expectDone(this.native.confRead(this.cluster, where.conf), 'read ceph.conf');
    // As the product's adapter has it: no data goes through here.
    expectDone(this.native.confSet(this.cluster, 'rbd_cache', 'false'), 'configure');
  }

  async connect(): Promise<void> {
    expectDone(await this.native.connect(this.cluster), 'connect to Ceph');
    const out: [IoContext | null] = [null];
    expectDone(await this.native.ioCreate(this.cluster, this.pool, out), 'open the pool');
    this.io = out[0];
  }

  create(effort: Effort): Promise<Measured> {
    return repeat(effort, () => this.makeOne());
  }

  /** Open, resize, close, as growing a volume that nobody uses. */
  async grow(effort: Effort): Promise<Measured> {
    await this.haveImages(2 * effort.inFlight);
    const { length } = this.images;
    return repeat(effort, (n) => this.growOne(this.images[n % length]!));
  }

  async moveToTrash(effort: Effort): Promise<Measured> {
    await this.haveImages(effort.countMax);
    return repeat(effort, async () => {
      const image = this.images.pop()!; // There are as many as may be moved.
      const answer = await this.native.trashMove(this.context, image.name, 0);
      if (answer === 0) this.trashed += 1;
      return failureOf(answer);
    });
  }

  /** How many images of this process there are, in the pool and in its trash. */
  counts(): { images: number; trashed: number } {
    return { images: this.images.length, trashed: this.trashed };
  }

  /** Removes what is left. What is in the trash already is left to whoever empties it: its removal is slow. */
  async removeAll(): Promise<void> {
    const rest = this.images.splice(0);
    const effort = { countMax: rest.length, msMax: Infinity, inFlight: asideInFlight };
    await repeat(effort, async (n) => failureOf(await this.native.remove(this.context, rest[n]!.name)));
  }

  private get context(): IoContext {
    if (this.io === null) throw new Error('not connected yet');
    return this.io;
  }

  private async haveImages(count: number): Promise<void> {
    const missing = Math.max(0, count - this.images.length);
    await repeat({ countMax: missing, msMax: Infinity, inFlight: asideInFlight }, () => this.makeOne());
  }

  private async makeOne(): Promise<string | null> {
    const name = `floor-${randomUUID()}`;
    const answer = await this.native.create(this.context, name, gib, allFeatures, [0], 0, 0);
    if (answer === 0) this.images.push({ name, sizeGib: 1 });
    return failureOf(answer);
  }

  private async growOne(image: FloorImage): Promise<string | null> {
    const out: [Image | null] = [null];
    const opened = await this.native.open(this.context, image.name, out, null);
    if (opened < 0 || out[0] === null) return failureOf(opened);
    image.sizeGib += 1;
    const answer = await this.native.resize(out[0], image.sizeGib * gib, false, null, null);
    const closed = await this.native.close(out[0]);
    return failureOf(answer) ?? failureOf(closed);
  }
}

function failureOf(answer: number): string | null {
  return answer < 0 ? `error ${-answer}` : null;
}

function expectDone(answer: number, what: string): void {
  if (answer < 0) throw new Error(`could not ${what}: error ${-answer}`);
}

function made<T>(make: (out: [T | null]) => number): T {
  const out: [T | null] = [null];
  expectDone(make(out), 'make a RADOS client');
  if (out[0] === null) throw new Error('librados made a client of nothing');
  return out[0];
}
