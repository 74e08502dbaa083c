/** What a client of QEMU must do, asked of the adapter on fake VMs and on a real one. */
import { randomUUID } from 'node:crypto';
import { InvariantError, RejectedError, TransientError, imageNameOf } from '@plumbline/domain';
import type {
  Applied,
  Backend,
  FacetName,
  HostName,
  Json,
  SourceClient,
  VmId,
  VolumeId,
} from '@plumbline/domain';
import { diskPlaceOf, qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import { describeFacet } from '../conformance/describe-facet.js';
import type { FreshThing } from '../conformance/describe-source.js';

export interface QemuUnderTest {
  readonly client: SourceClient;
  readonly host: HostName;
  readonly vm: VmId;
  readonly pool: string;
  /** Makes an image, or sets its size, outside the adapter. */
  setImage(image: string, sizeGib: number): Promise<void>;
  imageBytes(image: string): Promise<number>;
  /** Keeps the source from being asked until the returned function is called. */
  cut(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

const GIB = 1024 ** 3;
const CALL_MS = 20_000;
const WAITS_MAX = 50;

/** A volume's image and its place in the VM, and the two backends, asked until they say that it is done. */
export function diskOf(under: QemuUnderTest) {
  const volume = randomUUID() as VolumeId;
  const image = imageNameOf(volume);
  const place = diskPlaceOf({ vm: under.vm, host: under.host, volume });
  const want = (sizeGib: number) => ({ pool: under.pool, image, sizeGib });
  const facet = (backend: Backend) => ({
    look: () => backend.observe(place, deadline()),
    become: (wanted: Json) => settled(() => backend.apply(place, { want: wanted, before: null }, deadline())),
    undo: (wanted: Json, before: Json) =>
      settled(() => backend.undo(place, { want: wanted, before }, deadline())),
    once: (wanted: Json) => backend.apply(place, { want: wanted, before: null }, deadline()),
    idle: () => backend.idle(place),
  });
  return {
    volume,
    image,
    place,
    want,
    node: facet(backendOf(under.client, qemuNode)),
    device: facet(backendOf(under.client, qemuDevice)),
    name: place.key.slice(place.key.indexOf('/') + 1),
  };
}

export function describeQemu(name: string, open: () => Promise<QemuUnderTest>): void {
  let current: QemuUnderTest;
  const suite = (facet: 'qemu.node' | 'qemu.device') => ({
    open: async () => {
      const under = (current = await open());
      return { client: under.client, facet, fresh: () => freshOf(under, facet), close: () => under.close() };
    },
    cut: () => current.cut(),
  });
  describeFacet(`qemu.node on ${name}`, suite('qemu.node'));
  describeFacet(`qemu.device on ${name}`, suite('qemu.device'));
  describe(`a disk in ${name}`, () => lifeOfADisk(open));
}

async function freshOf(under: QemuUnderTest, facet: 'qemu.node' | 'qemu.device'): Promise<FreshThing> {
  const disk = diskOf(under);
  await under.setImage(disk.image, 2);
  if (facet === 'qemu.node') return { ...disk.place, wants: [disk.want(1), { grownToGib: 2 }] };
  await disk.node.become(disk.want(1));
  return { ...disk.place, wants: [{ name: 'a-volume' }] };
}

function lifeOfADisk(open: () => Promise<QemuUnderTest>): void {
  let under: QemuUnderTest;
  beforeAll(async () => {
    under = await open();
  }, CALL_MS);
  afterAll(() => under?.close(), CALL_MS);
  const withImage = async (sizeGib: number) => {
    const disk = diskOf(under);
    await under.setImage(disk.image, sizeGib);
    return disk;
  };

  it(
    'is plugged in on its node, and leaves nothing behind when both are taken away',
    async () => {
      const disk = await withImage(1);
      const { pool } = under;
      expect(await disk.node.become(disk.want(1))).toEqual({ pool, image: disk.image, sizeBytes: GIB });
      expect(await disk.device.become({ name: 'db-1' })).toEqual({ node: disk.name, state: 'plugged' });
      expect(await disk.device.become(null)).toBeNull();
      expect(await disk.node.become(null)).toBeNull();
      expect([await disk.device.look(), await disk.node.look()]).toEqual([null, null]);
    },
    4 * CALL_MS,
  );

  it(
    'shows the size that its image was grown to, and leaves the image as it is',
    async () => {
      const disk = await withImage(1);
      await disk.node.become(disk.want(1));
      await disk.device.become({ name: 'db-2' });
      await under.setImage(disk.image, 3);
      expect(await disk.node.become({ grownToGib: 3 })).toMatchObject({ sizeBytes: 3 * GIB });
      expect(await under.imageBytes(disk.image)).toBe(3 * GIB);
      expect(await disk.device.look()).toEqual({ node: disk.name, state: 'plugged' });
    },
    4 * CALL_MS,
  );

  it(
    'never cuts an image that is larger than what the VM is to see',
    async () => {
      const disk = await withImage(1);
      await disk.node.become(disk.want(1));
      await under.setImage(disk.image, 3);
      await disk.node.become({ grownToGib: 2 });
      await disk.node.become(disk.want(1));
      expect(await under.imageBytes(disk.image)).toBe(3 * GIB);
    },
    4 * CALL_MS,
  );

  it(
    'never makes an image larger to show more of it',
    async () => {
      const disk = await withImage(1);
      await disk.node.become(disk.want(1));
      await expect(disk.node.become({ grownToGib: 2 })).rejects.toThrow(RejectedError);
      expect(await under.imageBytes(disk.image)).toBe(GIB);
      expect(await disk.node.look()).toMatchObject({ sizeBytes: GIB });
    },
    4 * CALL_MS,
  );

  it(
    'grows nothing where the VM has no such node',
    async () => {
      const disk = await withImage(1);
      expect(await disk.node.become({ grownToGib: 2 })).toBeNull();
      expect(await under.imageBytes(disk.image)).toBe(GIB);
    },
    4 * CALL_MS,
  );

  it(
    'keeps its node while it is plugged in',
    async () => {
      const disk = await withImage(1);
      await disk.node.become(disk.want(1));
      await disk.device.become({ name: 'db-3' });
      await expect(disk.node.become(null)).rejects.toThrow(TransientError);
      expect(await disk.node.look()).not.toBeNull();
    },
    4 * CALL_MS,
  );

  it(
    'is not plugged in without its node, so that the plan begins again',
    async () => {
      const disk = await withImage(1);
      await expect(disk.device.become({ name: 'db-4' })).rejects.toThrow(RejectedError);
      expect(await disk.device.look()).toBeNull();
    },
    4 * CALL_MS,
  );

  it(
    'takes a node of its name on another image for a stranger, when making it and when taking it back',
    async () => {
      const disk = await withImage(1);
      const other = await withImage(1);
      await disk.node.become(disk.want(1));
      const wanted = { ...disk.want(1), image: other.image };
      await expect(disk.node.become(wanted)).rejects.toThrow(InvariantError);
      await expect(disk.node.undo(wanted, null)).rejects.toThrow(InvariantError);
      expect(await disk.node.look()).toMatchObject({ image: disk.image });
    },
    4 * CALL_MS,
  );

  it(
    'keeps what stood before when a build is taken back',
    async () => {
      const disk = await withImage(1);
      const stood = await disk.node.become(disk.want(1));
      const plugged = await disk.device.become({ name: 'db-5' });
      await disk.node.undo(disk.want(1), stood);
      await disk.device.undo({ name: 'db-5' }, plugged);
      expect([await disk.node.look(), await disk.device.look()]).toEqual([stood, plugged]);
    },
    4 * CALL_MS,
  );

  it('fails when the VM is not known here', async () => {
    const nobody = { ...under, vm: 999_999 as VmId };
    await expect(diskOf(nobody).node.look()).rejects.toThrow(RejectedError);
  });
}

function backendOf(client: SourceClient, { name }: { name: FacetName }): Backend {
  const backend = client.facets.get(name);
  if (backend === undefined) throw new TypeError(`the client has no facet ${name}`);
  return backend;
}

function deadline(): AbortSignal {
  return AbortSignal.timeout(CALL_MS);
}

/** Asks again while the answer is to wait. */
async function settled(ask: () => Promise<Applied>): Promise<Json> {
  for (let asked = 0; asked < WAITS_MAX; asked += 1) {
    const applied = await ask();
    if ('seen' in applied) return applied.seen;
    await new Promise((resolve) => setTimeout(resolve, applied.waitMs));
  }
  throw new Error(`was told to wait ${WAITS_MAX} times`);
}
