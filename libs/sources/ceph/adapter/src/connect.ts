import { InvariantError } from '@plumbline/domain';
import { plainAddress } from './addresses.js';
import { Connection } from './connection.js';
import type { CephClient } from './connection.js';
import { ERRNO, cephError } from './errors.js';
import { loadNative } from './native.js';
import type { Cluster, IoContext, Native } from './native.js';
import { Pool } from './pool.js';

/** librbd's bits for what an image can do. */
export const IMAGE_FEATURES = {
  layering: 1,
  exclusiveLock: 4,
  objectMap: 8,
  fastDiff: 16,
  deepFlatten: 32,
} as const;

/** A living boot's watch on an image is in passing; of a condemned one nothing is to come any more but a fence. */
export type AddressOwner = 'living-boot' | 'condemned-boot' | 'nobody-known';

export interface CephOptions {
  /** Path of the cluster's configuration file. */
  readonly conf: string;
  /** Whole name of the cephx user: `client.…`. */
  readonly user: string;
  /** Where its key is, when the configuration file does not say. */
  readonly keyring?: string;
  /** The first of them also has the witness. */
  readonly pools: readonly string[];
  /** The object that remembers the registry's tick: one for each registry that shares this cluster. */
  readonly witnessObject: string;
  /** Whose a RADOS address is, as far as this process knows of boots. */
  ownerOf(address: string): AddressOwner;
  /** This process's client was fenced: nothing it does will ever land again, so the process has to end. May be called repeatedly. */
  onBlocklisted(): void;
  /** Sum of `IMAGE_FEATURES` for new images. */
  readonly features?: number;
  readonly trashDelaySeconds?: number;
  /** Native calls open at once; libuv's pool must have some threads more. */
  readonly callsMax?: number;
  /** How long a fence holds: longer than any process sleeps, because one that wakes after it would be free to write. */
  readonly fenceSeconds?: number;
  /** When librados gives up by itself: every native call ends some time, and with it the wait for it. */
  readonly timeouts?: Timeouts;
}

interface Timeouts {
  readonly osdMs: number;
  readonly monMs: number;
  readonly connectMs: number;
}

const DEFAULTS = {
  features: Object.values(IMAGE_FEATURES).reduce((sum, bit) => sum + bit, 0),
  trashDelaySeconds: 0,
  callsMax: 20,
  fenceSeconds: 365 * 24 * 3_600,
  timeouts: { osdMs: 10_000, monMs: 10_000, connectMs: 10_000 },
};

/** After this the monitor is asked whether an OSD that does not answer is still where it was. Far below a call's life. */
const LAGGY_MS = 2_000;

/** Connects as one RADOS client. One a process: the boot's address is that client's. */
export async function connectCeph(options: CephOptions): Promise<CephClient> {
  const native = loadNative();
  const settings = { ...DEFAULTS, ...options };
  const fail = (errno: number, what: string): never => {
    if (errno === ERRNO.ESHUTDOWN) options.onBlocklisted();
    throw cephError(errno, what);
  };
  const expectDone = (answer: number, what: string) => {
    if (answer < 0) fail(-answer, what);
  };
  const cluster = made<Cluster>('a RADOS client', (out) =>
    expectDone(native.clusterCreate(out, 'ceph', options.user, 0), `make a client ${options.user}`),
  );
  const pools = new Map<string, Pool>();
  try {
    configure(native, cluster, { ...settings, expectDone });
    expectDone(await native.connect(cluster), `connect to Ceph as ${options.user}`);
    const address = ownAddress(native, cluster, expectDone);
    for (const name of options.pools) {
      const io: [IoContext | null] = [null];
      expectDone(await native.ioCreate(cluster, name, io), `open pool ${name}`);
      pools.set(
        name,
        new Pool(
          name,
          native,
          made('a pool', (out) => (out[0] = io[0])),
          fail,
        ),
      );
    }
    return new Connection({ native, cluster, address, pools, settings, expectDone });
  } catch (error) {
    for (const pool of pools.values()) await pool.destroy();
    await native.shutdown(cluster);
    throw error;
  }
}

function configure(
  native: Native,
  cluster: Cluster,
  from: {
    conf: string;
    keyring?: string;
    timeouts: Timeouts;
    expectDone(answer: number, what: string): void;
  },
): void {
  from.expectDone(native.confRead(cluster, from.conf), `read ${from.conf}`);
  const entries = {
    rados_osd_op_timeout: seconds(from.timeouts.osdMs),
    rados_mon_op_timeout: seconds(from.timeouts.monMs),
    client_mount_timeout: seconds(from.timeouts.connectMs),
    // A client that waits for an OSD at an address where it is no more asks for a newer map only for a call that is older
    // than this. By default that is as long as a call lives, and then it may never ask.
    objecter_timeout: seconds(LAGGY_MS),
    objecter_tick_interval: seconds(LAGGY_MS / 2),
    // What went wrong comes back as an error number; the library's own lines would only mix with our log.
    log_to_stderr: 'false',
    err_to_stderr: 'false',
    // No data goes through here.
    rbd_cache: 'false',
    ...(from.keyring === undefined ? {} : { keyring: from.keyring }),
  };
  for (const [key, value] of Object.entries(entries)) {
    from.expectDone(native.confSet(cluster, key, value), `set ${key}`);
  }
}

function ownAddress(
  native: Native,
  cluster: Cluster,
  expectDone: (answer: number, what: string) => void,
): string {
  const text = made<string>('an address', (out) =>
    expectDone(native.ownAddresses(cluster, out), 'learn our own address'),
  );
  return plainAddress(text);
}

/** librados takes whole seconds only, and nought would mean for ever. */
function seconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1_000)));
}

function made<T>(what: string, make: (out: [T | null]) => void): T {
  const out: [T | null] = [null];
  make(out);
  const [value] = out;
  if (value === null) throw new InvariantError(`librados made ${what} of nothing`, { reason: 'ceph-native' });
  return value;
}
