import { cephImage, cephWatch } from '@plumbline/ceph-facets';
import type { ImageSeen, ImageWant } from '@plumbline/ceph-facets';
import {
  BusyError,
  HeldError,
  InvariantError,
  RejectedError,
  TransientError,
  UncertainError,
} from '@plumbline/domain';
import type {
  Applied,
  Backend,
  Change,
  Facet,
  FacetName,
  HostName,
  Json,
  Place,
  VmId,
} from '@plumbline/domain';
import { parseDiskKey, qemuDevice, qemuNode } from '@plumbline/qemu-facets';
import type { DeviceSeen, NodeSeen, NodeWant } from '@plumbline/qemu-facets';

const GIB = 1024 ** 3;

/** What befalls one call: refused for now, refused for good, or an answer that is lost before or after the effect. */
export type CallFate =
  | 'served'
  | 'transient'
  | 'in-use'
  | 'rejected'
  | 'lost-before'
  | 'lost-after'
  | 'crash-before'
  | 'crash-after';

/** The worker died in the middle of a call. */
export class Crash extends Error {}

/**
 * Ceph and QEMU as far as the engine can see them, in memory: images with their watchers, clients that are fenced, block
 * nodes and devices of VMs that run, sleep or are dead. For proofs about the engine; the adapters have fakes of their own,
 * below their protocols.
 */
export class MemorySources {
  readonly images = new Map<string, ImageSeen>();
  readonly trash = new Map<string, ImageSeen>();
  readonly nodes = new Map<string, NodeSeen & { readonly address: string }>();
  readonly devices = new Map<string, DeviceSeen>();
  /** Clients that can never write again. */
  readonly blocklist = new Set<string>();
  private readonly vms = new Map<VmId, 'paused' | 'dead'>();
  /** Calls so far that were to change something. */
  calls = 0;
  /** How an image was made or grown, to see that nothing is done twice. */
  private made = 0;
  private readonly backendsByFacet: ReadonlyMap<FacetName, Backend>;

  constructor(private readonly fateOf: (call: number) => CallFate = () => 'served') {
    const backends = [this.imageBackend(), this.watchBackend(), this.nodeBackend(), this.deviceBackend()];
    this.backendsByFacet = new Map(backends.map((backend) => [backend.facet.name, backend]));
  }

  /** Goes on by itself. */
  copy(): MemorySources {
    const copy = new MemorySources(this.fateOf);
    for (const [key, seen] of this.images) copy.images.set(key, seen);
    for (const [key, seen] of this.trash) copy.trash.set(key, seen);
    for (const [key, seen] of this.nodes) copy.nodes.set(key, seen);
    for (const [key, seen] of this.devices) copy.devices.set(key, seen);
    for (const address of this.blocklist) copy.blocklist.add(address);
    for (const [vm, state] of this.vms) copy.vms.set(vm, state);
    copy.calls = this.calls;
    copy.made = this.made;
    return copy;
  }

  backendsOf(source: 'ceph' | 'qemu'): ReadonlyMap<FacetName, Backend> {
    return new Map([...this.backendsByFacet].filter(([name]) => name.startsWith(`${source}.`)));
  }

  /** Ends a VM's process: what it had open is closed. */
  killVm(vm: VmId): void {
    this.vms.set(vm, 'dead');
    for (const things of [this.nodes, this.devices])
      for (const key of things.keys()) if (parseDiskKey(key).vm === vm) things.delete(key);
  }

  /** It answers nobody, and Ceph does not see its clients any more; what it has open it still has when it wakes. */
  pauseVm(vm: VmId): void {
    this.vms.set(vm, 'paused');
  }

  /** Runs again: after a pause as it was, after its death with nothing attached. */
  wakeVm(vm: VmId): void {
    this.vms.delete(vm);
  }

  /** From here on nothing that client does reaches an image. */
  fence(address: string): void {
    this.blocklist.add(address);
  }

  /** The same as a call, which may fail as any other. */
  async fenced(address: string): Promise<void> {
    await this.serve(() => {
      this.fence(address);
      return { seen: null };
    });
  }

  /** VMs whose guests could write to an image, now or when they wake. */
  writersOf({ pool, image }: { pool: string; image: string }): readonly VmId[] {
    return [...this.nodes]
      .filter(([key, node]) => node.pool === pool && node.image === image && this.devices.has(key))
      .filter(([, { address }]) => !this.blocklist.has(address))
      .map(([key]) => parseDiskKey(key).vm);
  }

  private imageBackend(): Backend {
    const backend = this.backend<ImageWant, ImageSeen>(cephImage, this.images, {
      become: (key, want, before) => {
        if (want === null) {
          if (before !== null)
            throw new RejectedError('it is not in the trash', { reason: 'ceph-not-in-trash' });
          this.trash.delete(key);
          return null;
        }
        if ('trashed' in want) {
          if (before !== null) this.trash.set(key, { ...before, state: 'trashed' });
          return null;
        }
        if ('adoptedFrom' in want) return before ?? this.takeFrom(siblingOf(key, want.adoptedFrom), want);
        if ('releasedAs' in want) {
          if (before !== null) this.images.set(siblingOf(key, want.releasedAs), before);
          return null;
        }
        const trashed = this.trash.get(key);
        if (before === null && trashed !== undefined && trashed.imageId === want.imageId) {
          this.trash.delete(key);
          return { ...trashed, state: 'open' };
        }
        if ('restored' in want) return before ?? this.fetch(want.imageId);
        this.made += before === null ? 1 : 0;
        const sizeBytes = Math.max(before?.sizeBytes ?? 0, want.sizeGib * GIB);
        return { imageId: before?.imageId ?? `image-${this.made}`, state: 'open', sizeBytes };
      },
      restore: (key, before, now, want) => {
        if (want !== null && 'adoptedFrom' in want) {
          if (now?.imageId !== want.imageId) return now;
          this.images.set(siblingOf(key, want.adoptedFrom), now);
          return null;
        }
        // What stood before, and what is back from the trash, stays.
        if (before !== null) return now;
        if (now !== null) this.trash.set(key, { ...now, state: 'trashed' });
        return null;
      },
    });
    // What is not listed any more is looked for in the trash.
    const observe = ({ key }: Place) => Promise.resolve(this.images.get(key) ?? this.trash.get(key) ?? null);
    const confirm = (_place: Place, want: Json) => Promise.resolve(this.elsewhere(want));
    return { ...backend, observe, confirm };
  }

  /** By the internal id, and large enough. */
  private takeFrom(key: string, { imageId, sizeGib }: { imageId: string; sizeGib: number }): ImageSeen {
    const image = this.images.get(key);
    if (image?.imageId !== imageId || image.sizeBytes < sizeGib * GIB)
      throw new RejectedError('it is not the image that was to be adopted', { reason: 'ceph-missing' });
    this.images.delete(key);
    return image;
  }

  /** Under whatever name it has, or from the trash. */
  private fetch(imageId: string): ImageSeen {
    for (const things of [this.images, this.trash])
      for (const [key, image] of things)
        if (image.imageId === imageId) {
          things.delete(key);
          return { ...image, state: 'open' };
        }
    throw new InvariantError('the image is nowhere', { reason: 'image-missing' });
  }

  private elsewhere(want: Json): Json {
    const { imageId } = want as { imageId?: string };
    for (const [state, things] of [['renamed', this.images] as const, ['trashed', this.trash] as const])
      for (const [key, image] of things)
        if (image.imageId === imageId) return { ...image, state, name: key.slice(key.indexOf('/') + 1) };
    return null;
  }

  private watchBackend(): Backend {
    const none = new Map<string, never>();
    const backend = this.backend(cephWatch, none, {
      become: () => {
        throw new RejectedError('a watch is only looked at', { reason: 'watch' });
      },
      restore: (_key, _before, now) => now,
    });
    return {
      ...backend,
      observe: ({ key }) => {
        if (!this.images.has(key)) return Promise.resolve(null);
        const [pool, image] = key.split('/');
        const watching = [...this.nodes].filter(
          ([at, node]) =>
            node.pool === pool &&
            node.image === image &&
            !this.blocklist.has(node.address) &&
            !this.vms.has(parseDiskKey(at).vm),
        );
        return Promise.resolve({ addresses: watching.map(([, { address }]) => address) });
      },
      async *list() {},
    };
  }

  private nodeBackend(): Backend {
    return this.backend<NodeWant, NodeSeen & { readonly address: string }>(
      qemuNode as unknown as Facet<NodeWant, NodeSeen & { readonly address: string }>,
      this.nodes,
      {
        become: (key, want, before) => {
          if (want === null) {
            if (this.devices.has(key))
              throw new TransientError('the device is still there', { reason: 'busy' });
            return null;
          }
          if ('grownToGib' in want)
            return before && { ...before, sizeBytes: Math.max(before.sizeBytes, want.grownToGib * GIB) };
          const sizeBytes = this.images.get(`${want.pool}/${want.image}`)?.sizeBytes;
          if (sizeBytes === undefined) throw new RejectedError('no such image', { reason: 'no-image' });
          return (
            before ?? {
              pool: want.pool,
              image: want.image,
              sizeBytes,
              address: `127.0.0.1:0/${(this.made += 1)}`,
            }
          );
        },
        restore: (key, before) => {
          if (before === null && this.devices.has(key))
            throw new RejectedError('the device is still there', { reason: 'busy' });
          return before;
        },
        isProof: true,
      },
    );
  }

  private deviceBackend(): Backend {
    return this.backend(qemuDevice, this.devices, {
      become: (key, want) => {
        if (want === null) return null;
        if (!this.nodes.has(key)) throw new RejectedError('no node for the device', { reason: 'no-node' });
        return { node: parseDiskKey(key).name, state: 'plugged' as const };
      },
      restore: (_key, before) => before,
    });
  }

  private backend<Want extends Json, Seen extends Json>(
    facet: Facet<Want, Seen>,
    things: Map<string, Seen>,
    rule: {
      become: (key: string, want: Want | null, before: Seen | null) => Seen | null;
      restore: (key: string, before: Seen | null, now: Seen | null, want: Want | null) => Seen | null;
      /** Only who took the thing away knows that it is gone. */
      isProof?: true;
    },
  ): Backend {
    const put = (key: string, seen: Seen | null): Done => {
      const wasThere = things.has(key);
      if (seen === null) things.delete(key);
      else things.set(key, seen);
      return seen === null && !wasThere && rule.isProof ? { seen, lost: true } : { seen };
    };
    const now = (key: string): Seen | null => things.get(key) ?? null;
    const host = facet.source === 'qemu' ? { host: 'host-a' as HostName } : {};
    return {
      facet,
      observe: async ({ key }: Place) => {
        if (facet.source === 'qemu') this.expectAwake(key);
        return now(key);
      },
      ...(facet.source === 'qemu' ? { inspect: async ({ key }: Place) => this.seenRunning(key, now) } : {}),
      async *list() {
        const order = (key: string): string => `${facet.volumeOf(key) ?? '~'} ${key}`;
        for (const [key, seen] of [...things].sort(([one], [other]) => (order(one) < order(other) ? -1 : 1)))
          yield { key, ...host, seen };
      },
      apply: (place: Place, change: Change) =>
        this.serve(() => {
          if (facet.source === 'qemu') this.expectRunning(place.key, change.want, now(place.key));
          return put(place.key, rule.become(place.key, change.want as Want | null, now(place.key)));
        }),
      undo: (place: Place, change: Change) =>
        this.serve(() => {
          if (facet.source === 'qemu') this.expectAwake(place.key);
          const [before, want] = [change.before as Seen | null, change.want as Want | null];
          return put(place.key, rule.restore(place.key, before, now(place.key), want));
        }),
      idle: () => Promise.resolve(),
    };
  }

  private expectAwake(key: string): void {
    if (this.vms.get(parseDiskKey(key).vm) === 'paused')
      throw new HeldError('the monitor does not greet', { reason: 'vm-unreachable', retryAfterMs: 1_000 });
  }

  /** Of a VM that is not running nothing can be told: what belongs there comes back when it runs. */
  private seenRunning(key: string, now: (key: string) => Json): Json {
    this.expectAwake(key);
    if (this.vms.get(parseDiskKey(key).vm) === 'dead')
      throw new HeldError('the VM is not running', { reason: 'vm-dead', retryAfterMs: 1_000 });
    return now(key);
  }

  private expectRunning(key: string, want: Json, now: Json): void {
    this.expectAwake(key);
    const isBuild = want !== null && !(now === null && typeof want === 'object' && 'grownToGib' in want);
    if (isBuild && this.vms.get(parseDiskKey(key).vm) === 'dead')
      throw new RejectedError('The VM is not running.', { reason: 'vm-dead' });
  }

  private async serve(effect: () => Done): Promise<Applied> {
    const fate = this.fateOf((this.calls += 1));
    if (fate === 'transient') throw new TransientError('busy', { reason: 'busy' });
    if (fate === 'in-use') throw new BusyError('still in use by 10.0.0.9:0/77', { reason: 'stranger' });
    if (fate === 'rejected') throw new RejectedError('refused', { reason: 'refused' });
    if (fate === 'lost-before') throw new UncertainError('no answer', { reason: 'lost' });
    if (fate === 'crash-before') throw new Crash();
    const done = effect();
    if (fate === 'crash-after') throw new Crash();
    if (fate === 'lost-after') throw new UncertainError('no answer', { reason: 'lost' });
    return done;
  }
}

/** Another name in the same pool. */
function siblingOf(key: string, name: string): string {
  return `${key.slice(0, key.indexOf('/'))}/${name}`;
}

type Done = Exclude<Applied, { waitMs: number }>;
