/**
 * The whole of a stack's state, read outside the product: Consul's own HTTP, the `rbd` command, QEMU's second monitors,
 * `psql`. None of it goes through the product's code, which is what is being judged.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the stack's package reads for its suites; handed in, because a library must not depend on a tool. */
export interface Outside {
  readonly query: <T extends object>(databaseUrl: string, sql: string) => Promise<T[]>;
  readonly askQemu: <T>(monitor: string, command: string) => Promise<T>;
}

export interface RegistryEntry {
  readonly value: unknown;
  readonly index: number;
}

export interface SeenImage {
  readonly pool: string;
  readonly name: string;
  /** Null: listed, and cannot be opened. */
  readonly opened: { readonly id: string; readonly sizeGib: number } | null;
}

export interface SeenDisk {
  readonly vm: number;
  /** Everything that QEMU says of what is behind the disk; the image's name is somewhere in it. */
  readonly file: string;
  readonly sizeGib: number;
  /** Whether the guest has it, or only a block node holds it open. */
  readonly isPlugged: boolean;
}

export interface SeenSubscription {
  readonly volume: string;
  readonly account: string;
  readonly sizeGib: number;
}

/** Everything at about one instant: only what is at rest can be compared. */
export interface Seen {
  readonly registry: ReadonlyMap<string, RegistryEntry>;
  readonly images: readonly SeenImage[];
  readonly trash: readonly { readonly pool: string; readonly name: string }[];
  readonly disks: readonly SeenDisk[];
  readonly subscriptions: readonly SeenSubscription[];
}

type Environment = Readonly<Record<string, string>>;

const PREFIX = 'plumbline/';
const POOLS = ['volumes-nyc1', 'volumes-nyc3', 'volumes-lon1'];
const GIB = 1024 ** 3;
const ASK_MS = 10_000;
/** Thousands of images are opened one by one for a long listing, on a machine that may be busy. */
const RBD_MS = 180_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export async function lookAtAll(env: Environment, outside: Outside): Promise<Seen> {
  const conf = env['CEPH_CONF'] ?? '';
  const vms = [
    [env['PLUMBLINE_VM'], env['PLUMBLINE_VM_TOOLS']],
    [env['PLUMBLINE_VM_2'], env['PLUMBLINE_VM_2_TOOLS']],
  ];
  const [registry, images, trash, disks, subscriptions] = await Promise.all([
    readRegistry(env['CONSUL_HTTP_ADDR'] ?? ''),
    Promise.all(POOLS.map((pool) => imagesIn(conf, pool))),
    Promise.all(POOLS.map((pool) => trashOf(conf, pool))),
    Promise.all(vms.map(([vm, monitor]) => disksOf(Number(vm), monitor ?? '', outside))),
    subscriptionsOf(env['DATABASE_URL'] ?? '', outside),
  ]);
  return { registry, images: images.flat(), trash: trash.flat(), disks: disks.flat(), subscriptions };
}

/** Every key of the product, or of a part of it, without the product's prefix, read in one instant. */
export async function readRegistry(consul: string, part = ''): Promise<ReadonlyMap<string, RegistryEntry>> {
  const answer = await fetch(`${consul}/v1/kv/${PREFIX}${part}?recurse&consistent`, {
    signal: AbortSignal.timeout(ASK_MS),
  });
  if (answer.status === 404) return new Map();
  if (!answer.ok) throw new Error(`Consul answered ${answer.status}`);
  const pairs = (await answer.json()) as { Key: string; Value: string | null; ModifyIndex: number }[];
  return new Map(
    pairs.map(({ Key, Value, ModifyIndex }) => [
      Key.slice(PREFIX.length),
      { value: valueOf(Buffer.from(Value ?? '', 'base64').toString('utf8')), index: ModifyIndex },
    ]),
  );
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The long listing opens every image and leaves out those that it cannot open; the short one names them all. */
export async function imagesIn(conf: string, pool: string): Promise<readonly SeenImage[]> {
  const names = await rbd<string[]>(conf, ['ls', pool]);
  const opened = await rbd<{ image: string; id: string; size: number }[]>(conf, ['ls', '--long', pool]);
  return names.map((name) => {
    const one = opened.find(({ image }) => image === name);
    return { pool, name, opened: one === undefined ? null : { id: one.id, sizeGib: one.size / GIB } };
  });
}

async function trashOf(conf: string, pool: string): Promise<Seen['trash']> {
  return (await rbd<{ name: string }[]>(conf, ['trash', 'ls', pool])).map(({ name }) => ({ pool, name }));
}

/** `rbd ls --long` ends with an error when an image went away under it; what it printed is then of no use. */
async function rbd<T>(conf: string, args: readonly string[]): Promise<T> {
  const { stdout } = await run('rbd', ['-c', conf, ...args, '--format', 'json'], {
    timeout: RBD_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return JSON.parse(stdout) as T;
}

interface Block {
  inserted?: { file: string; 'node-name'?: string; image: { 'virtual-size': number } };
}

interface Node {
  'node-name': string;
  drv: string;
  file: string;
  image: { 'virtual-size': number };
}

/** Block nodes of format `raw` are what a device is put on; one that no device has is still an open image. */
export async function disksOf(
  vm: number,
  monitor: string,
  { askQemu }: Pick<Outside, 'askQemu'>,
): Promise<readonly SeenDisk[]> {
  const blocks = await askQemu<Block[]>(monitor, 'query-block');
  const nodes = await askQemu<Node[]>(monitor, 'query-named-block-nodes');
  const plugged = new Set(blocks.map(({ inserted }) => inserted?.['node-name']));
  return nodes
    .filter(({ drv }) => drv === 'raw')
    .map(({ 'node-name': name, file, image }) => ({
      vm,
      file,
      sizeGib: image['virtual-size'] / GIB,
      isPlugged: plugged.has(name),
    }));
}

async function subscriptionsOf(
  databaseUrl: string,
  { query }: Outside,
): Promise<readonly SeenSubscription[]> {
  type Row = { volume_id: string; account_id: string; size_gib: number };
  const sql = 'SELECT volume_id, account_id, size_gib FROM subscriptions WHERE size_gib IS NOT NULL';
  return (await query<Row>(databaseUrl, sql)).map(({ volume_id, account_id, size_gib }) => ({
    volume: volume_id,
    account: account_id,
    sizeGib: size_gib,
  }));
}
