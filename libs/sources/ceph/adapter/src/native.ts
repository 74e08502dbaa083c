/**
 * librados and librbd, through koffi. Every call that may wait for the cluster runs on libuv's pool. The libraries start
 * threads of their own: a process that has loaded them must never fork.
 */
import koffi from 'koffi';
import type { LibraryHandle } from 'koffi';

declare const brand: unique symbol;
type Pointer<Name extends string> = { readonly [brand]: Name };
export type Cluster = Pointer<'rados_t'>;
export type IoContext = Pointer<'rados_ioctx_t'>;
export type Image = Pointer<'rbd_image_t'>;
export type Memory = Pointer<'char *'>;
export type WriteOp = Pointer<'rados_write_op_t'>;
/** Where a native function puts its answer. */
type Out<T> = [T | null];

/** Functions answer a negated error number, or nought and more. */
type Call<Arguments extends readonly unknown[]> = (...args: Arguments) => Promise<number>;

export type Native = ReturnType<typeof loadNative>;

/** koffi keeps memory for so many calls in flight, its most; for any beyond it maps and unmaps some at each call. */
const RESIDENT_CALLS = 32;
// Only before the first library of a process.
if (koffi.config().resident_async_pools !== RESIDENT_CALLS)
  koffi.config({ resident_async_pools: RESIDENT_CALLS });

export function loadNative() {
  const rados = koffi.load('librados.so.2');
  const rbd = koffi.load('librbd.so.1');
  const watcher = koffi.struct({ address: 'const char *', id: 'int64_t', cookie: 'uint64_t' });
  const cleanWatchers = rbd.func('void rbd_watchers_list_cleanup(uint8_t *watchers, size_t count)');
  const freeMemory = rados.func('void rados_buffer_free(void *memory)') as (memory: Memory) => void;
  const clusterCreate = rados.func(
    'int rados_create2(_Out_ void **cluster, const char *name, const char *user, uint64_t flags)',
  ) as (cluster: Out<Cluster>, name: string, user: string, flags: number) => number;
  const confRead = rados.func('int rados_conf_read_file(void *cluster, const char *path)') as (
    cluster: Cluster,
    path: string,
  ) => number;
  const confSet = rados.func('int rados_conf_set(void *cluster, const char *key, const char *value)') as (
    cluster: Cluster,
    key: string,
    value: string,
  ) => number;
  const ownAddresses = rados.func('int rados_getaddrs(void *cluster, _Out_ char **addresses)') as (
    cluster: Cluster,
    addresses: Out<string>,
  ) => number;

  /** Builds a write of several parts that lands as one or not at all; librados copies what it is given. */
  const writeOp = {
    make: rados.func('void *rados_create_write_op()') as () => WriteOp,
    release: rados.func('void rados_release_write_op(void *op)') as (op: WriteOp) => void,
    create: rados.func('void rados_write_op_create(void *op, int exclusive, const char *category)') as (
      op: WriteOp,
      exclusive: number,
      category: null,
    ) => void,
    compareXattr: rados.func(
      'void rados_write_op_cmpxattr(void *op, const char *name, uint8_t comparison, const uint8_t *value, size_t bytes)',
    ) as (op: WriteOp, name: string, comparison: number, value: Buffer, bytes: number) => void,
    setXattr: rados.func(
      'void rados_write_op_setxattr(void *op, const char *name, const uint8_t *value, size_t bytes)',
    ) as (op: WriteOp, name: string, value: Buffer, bytes: number) => void,
    /** Compares what the object begins with; what differs makes the answer lower than any error number. */
    compareContent: rados.func(
      'void rados_write_op_cmpext(void *op, const uint8_t *content, size_t bytes, uint64_t offset, void *answer)',
    ) as (op: WriteOp, content: Buffer, bytes: number, offset: number, answer: null) => void,
    writeFull: rados.func(
      'void rados_write_op_write_full(void *op, const uint8_t *content, size_t bytes)',
    ) as (op: WriteOp, content: Buffer, bytes: number) => void,
    remove: rados.func('void rados_write_op_remove(void *op)') as (op: WriteOp) => void,
    exec: rados.func(
      'void rados_write_op_exec(void *op, const char *class, const char *method, const uint8_t *input, size_t bytes, void *answer)',
    ) as (
      op: WriteOp,
      objectClass: string,
      method: string,
      input: Buffer,
      bytes: number,
      answer: null,
    ) => void,
    operate: later<[WriteOp, IoContext, string, null, number]>(
      rados,
      'int rados_write_op_operate(void *op, void *io, const char *object, void *mtime, int flags)',
    ),
  };

  return {
    writeOp,
    clusterCreate,
    confRead,
    confSet,
    ownAddresses,
    connect: later<[Cluster]>(rados, 'int rados_connect(void *cluster)'),
    shutdown: later<[Cluster]>(rados, 'void rados_shutdown(void *cluster)'),
    blocklistAdd: later<[Cluster, string, number]>(
      rados,
      'int rados_blocklist_add(void *cluster, const char *address, uint32_t seconds)',
    ),
    monCommand: later<
      [Cluster, [string], number, null, number, Out<Memory>, Out<number>, Out<Memory>, Out<number>]
    >(
      rados,
      'int rados_mon_command(void *cluster, const char **command, size_t count, const char *input, size_t inputBytes, _Out_ void **output, _Out_ size_t *outputBytes, _Out_ void **status, _Out_ size_t *statusBytes)',
    ),
    /** Reads what a command answered, and gives its memory back. */
    takeText(memory: Memory | null, bytes: number): string {
      if (memory === null) return '';
      const text = Buffer.from(koffi.decode(memory, 'uint8_t', bytes) as Uint8Array).toString('utf8');
      freeMemory(memory);
      return text;
    },
    waitForLatestMap: later<[Cluster]>(rados, 'int rados_wait_for_latest_osdmap(void *cluster)'),
    ioCreate: later<[Cluster, string, Out<IoContext>]>(
      rados,
      'int rados_ioctx_create(void *cluster, const char *pool, _Out_ void **io)',
    ),
    ioDestroy: later<[IoContext]>(rados, 'void rados_ioctx_destroy(void *io)'),
    exec: later<[IoContext, string, string, string, Buffer, number, Buffer, number]>(
      rados,
      'int rados_exec(void *io, const char *object, const char *class, const char *method, const uint8_t *input, size_t inputBytes, uint8_t *output, size_t outputBytes)',
    ),
    getXattr: later<[IoContext, string, string, Buffer, number]>(
      rados,
      'int rados_getxattr(void *io, const char *object, const char *name, uint8_t *output, size_t outputBytes)',
    ),
    create: later<[IoContext, string, number, number, [number], number, number]>(
      rbd,
      'int rbd_create3(void *io, const char *name, uint64_t bytes, uint64_t features, _Inout_ int *order, uint64_t stripeUnit, uint64_t stripeCount)',
    ),
    remove: later<[IoContext, string]>(rbd, 'int rbd_remove(void *io, const char *name)'),
    open: later<[IoContext, string, Out<Image>, null]>(
      rbd,
      'int rbd_open(void *io, const char *name, _Out_ void **image, const char *snapshot)',
    ),
    openReadOnly: later<[IoContext, string, Out<Image>, null]>(
      rbd,
      'int rbd_open_read_only(void *io, const char *name, _Out_ void **image, const char *snapshot)',
    ),
    close: later<[Image]>(rbd, 'int rbd_close(void *image)'),
    size: later<[Image, Out<number>]>(rbd, 'int rbd_get_size(void *image, _Out_ uint64_t *bytes)'),
    id: later<[Image, Buffer, number]>(rbd, 'int rbd_get_id(void *image, uint8_t *id, size_t idBytes)'),
    resize: later<[Image, number, boolean, null, null]>(
      rbd,
      'int rbd_resize2(void *image, uint64_t bytes, bool allowShrink, void *progress, void *argument)',
    ),
    watchers: later<[Image, Buffer, [number]]>(
      rbd,
      'int rbd_watchers_list(void *image, uint8_t *watchers, _Inout_ size_t *count)',
    ),
    trashMove: later<[IoContext, string, number]>(
      rbd,
      'int rbd_trash_move(void *io, const char *name, uint64_t delaySeconds)',
    ),
    trashRestore: later<[IoContext, string, string]>(
      rbd,
      'int rbd_trash_restore(void *io, const char *id, const char *name)',
    ),
    trashRemove: later<[IoContext, string, boolean]>(
      rbd,
      'int rbd_trash_remove(void *io, const char *id, bool force)',
    ),
    watcherBytes: koffi.sizeof(watcher),
    /** Reads the addresses out of what `watchers` filled, and gives its memory back. */
    takeWatcherAddresses(filled: Buffer, count: number): string[] {
      if (count === 0) return [];
      const watchers = koffi.decode(filled, koffi.array(watcher, count)) as { address: string }[];
      const addresses = watchers.map(({ address }) => address);
      cleanWatchers(filled, count);
      return addresses;
    },
  };
}

/** The function, called on libuv's pool. koffi keeps every argument alive until the call has ended. */
function later<Arguments extends readonly unknown[]>(
  library: LibraryHandle,
  prototype: string,
): Call<Arguments> {
  const native = library.func(prototype);
  return (...args) =>
    new Promise((resolve, reject) => {
      native.async(...args, (error: Error | null, answer: number | undefined) => {
        if (error) reject(error);
        else resolve(answer ?? 0);
      });
    });
}

/**
 * Ends the process at once, without waiting for anybody's threads. `process.exit` joins libuv's pool, and so would wait
 * for calls that hang in librados.
 */
export function exitNow(code: number): never {
  koffi.load('libc.so.6').func('void _exit(int code)')(code);
  throw new Error('unreachable: _exit does not return');
}
