/**
 * One pool's images. Changes go through librbd. Looking goes past it, to the object class that librbd itself asks: opening
 * an image costs ten calls, its id and size are one each.
 *
 * What an image is made of, in the order in which `rbd create` makes it: its name in the object `rbd_directory`, the object
 * `rbd_id.<name>` with its internal id, the object `rbd_header.<id>` with its size. Who dies in between leaves the first
 * without the last. A move to the trash first notes the image in `rbd_trash`, then takes away `rbd_id.<name>` and the
 * name: who dies in between leaves a name without an id object, but with a header, and behind that the data.
 */
import { InvariantError } from '@plumbline/domain';
import type { Turn } from './call-gate.js';
import {
  packNoSnapshot,
  packPage,
  packString,
  unpackDirectory,
  unpackSizeBytes,
  unpackString,
  unpackTrash,
  unpackTrashEntry,
} from './encoding.js';
import type { DirectoryEntry, TrashEntry } from './encoding.js';
import { ERRNO } from './errors.js';
import type { Image, IoContext, Native, WriteOp } from './native.js';

const NOTHING = Buffer.alloc(0);
/** librados' own numbers, for a write of several parts. */
const EXCLUSIVE = 1;
const EQUAL = 1;
/** What a comparison of contents answers where they differ: this, and further down by how far in. */
const CONTENT_DIFFERS = -4095;
/** Enough for an id, a name or a size. */
const ANSWER_BYTES = 256;
/** With the longest name. */
const TRASH_ENTRY_BYTES = 8 * 1024;
const PAGE_BYTES = 512 * 1024;
export const PAGE_ENTRIES = 1024;
const IMAGE_ID_BYTES = 64;
/** More watchers than this of one image are reported as that many. */
const WATCHERS_MAX = 64;
/** 2^22 bytes an object, librbd's default. */
const DEFAULT_ORDER = 0;

export interface OpenedImage {
  readonly imageId: string;
  readonly sizeBytes: number;
  /** RADOS addresses as librados prints them. */
  readonly watchers: readonly string[];
}

export class Pool {
  constructor(
    readonly name: string,
    private readonly native: Native,
    private readonly io: IoContext,
    /** Throws for a failed call. */
    private readonly fail: (errno: number, what: string) => never,
  ) {}

  /** The internal id of the image of this name, or null. */
  async idOf(turn: Turn, image: string): Promise<string | null> {
    const answer = await this.ask(turn, `rbd_id.${image}`, 'get_id', NOTHING);
    return answer && unpackString(answer);
  }

  /** The same, by what the pool's directory says. */
  async listedIdOf(turn: Turn, image: string): Promise<string | null> {
    const answer = await this.ask(turn, 'rbd_directory', 'dir_get_id', packString(image));
    return answer && unpackString(answer);
  }

  /** The name of the image of this internal id, by what the pool's directory says. */
  async nameOf(turn: Turn, imageId: string): Promise<string | null> {
    const answer = await this.ask(turn, 'rbd_directory', 'dir_get_name', packString(imageId));
    return answer && unpackString(answer);
  }

  /** What the trash has of this internal id, whatever its name was. */
  async trashEntryOf(turn: Turn, imageId: string): Promise<TrashEntry | null> {
    const answer = await this.ask(turn, 'rbd_trash', 'trash_get', packString(imageId), TRASH_ENTRY_BYTES);
    return answer && unpackTrashEntry(answer, imageId);
  }

  /** The size in the header, or null when there is none. */
  async sizeBytesOf(turn: Turn, imageId: string): Promise<number | null> {
    const answer = await this.ask(turn, `rbd_header.${imageId}`, 'get_size', packNoSnapshot());
    return answer && unpackSizeBytes(answer);
  }

  /** Names and ids in the order of the names, as many as fit a page, after the given one. */
  async directoryPage(turn: Turn, after: string): Promise<readonly DirectoryEntry[]> {
    const page = packPage(after, PAGE_ENTRIES);
    const answer = await this.ask(turn, 'rbd_directory', 'dir_list', page, PAGE_BYTES);
    return answer === null ? [] : unpackDirectory(answer);
  }

  /** In the order of the internal ids. */
  async trashPage(turn: Turn, after: string): Promise<readonly TrashEntry[]> {
    const page = packPage(after, PAGE_ENTRIES);
    const answer = await this.ask(turn, 'rbd_trash', 'trash_list', page, PAGE_BYTES);
    return answer === null ? [] : unpackTrash(answer);
  }

  async create(
    turn: Turn,
    image: string,
    to: { bytes: number; features: number },
  ): Promise<'made' | 'exists'> {
    const answer = await turn.call(() =>
      this.native.create(this.io, image, to.bytes, to.features, [DEFAULT_ORDER], 0, 0),
    );
    if (answer === -ERRNO.EEXIST) return 'exists';
    this.expectDone(answer, `create image ${this.name}/${image}`);
    return 'made';
  }

  /** Makes the image at least that big, and says how big it is then. */
  async grow(turn: Turn, image: string, bytes: number): Promise<number> {
    return this.opened(turn, image, 'open', async (handle) => {
      const before = await this.sizeOf(turn, handle, image);
      if (before >= bytes) return before;
      const answer = await turn.call(() => this.native.resize(handle, bytes, false, null, null));
      this.expectDone(answer, `grow image ${this.name}/${image}`);
      return bytes;
    });
  }

  /** Opens without a watch of its own; null when there is nothing to open. */
  async look(turn: Turn, image: string): Promise<OpenedImage | null> {
    const read = async (handle: Image): Promise<OpenedImage> => ({
      imageId: await this.openedIdOf(turn, handle, image),
      sizeBytes: await this.sizeOf(turn, handle, image),
      watchers: await this.watchersOf(turn, handle, image),
    });
    return this.opened<OpenedImage | null>(turn, image, 'openReadOnly', read, () => null);
  }

  async moveToTrash(turn: Turn, image: string, delaySeconds: number): Promise<'moved' | 'missing'> {
    const answer = await turn.call(() => this.native.trashMove(this.io, image, delaySeconds));
    if (answer === -ERRNO.ENOENT) return 'missing';
    this.expectDone(answer, `move image ${this.name}/${image} to the trash`);
    return 'moved';
  }

  async restoreFromTrash(turn: Turn, imageId: string, image: string): Promise<void> {
    const answer = await turn.call(() => this.native.trashRestore(this.io, imageId, image));
    this.expectDone(answer, `restore image ${this.name}/${image} from the trash`);
  }

  /** Already gone is gone. */
  async removeFromTrash(turn: Turn, imageId: string): Promise<void> {
    const answer = await turn.call(() => this.native.trashRemove(this.io, imageId, true));
    if (answer !== -ERRNO.ENOENT)
      this.expectDone(answer, `remove image ${this.name}/${imageId} from the trash`);
  }

  /** Only for what was never whole: librbd would take a header away with it. */
  async removeHalfMade(turn: Turn, image: string): Promise<void> {
    const answer = await turn.call(() => this.native.remove(this.io, image));
    // It also answers "missing" after removing an id object that no directory names.
    if (answer !== -ERRNO.ENOENT) this.expectDone(answer, `remove half-made image ${this.name}/${image}`);
  }

  /** What an object keeps under that name; null when there is no such object. */
  async xattrOf(turn: Turn, object: string, name: string): Promise<Buffer | null> {
    const output = Buffer.allocUnsafe(ANSWER_BYTES);
    const answer = await turn.call(() => this.native.getXattr(this.io, object, name, output, output.length));
    if (answer === -ERRNO.ENOENT) return null;
    this.expectDone(answer, `read ${name} of ${this.name}/${object}`);
    return output.subarray(0, answer);
  }

  /** Sets it where it is still what it was, in one write; null before: where there is no such object. */
  async replaceXattr(
    turn: Turn,
    at: { object: string; name: string },
    { before, after }: { before: Buffer | null; after: Buffer },
  ): Promise<boolean> {
    const answer = await this.write(turn, at.object, ({ compareXattr, create, setXattr }, op) => {
      if (before === null) create(op, EXCLUSIVE, null);
      else compareXattr(op, at.name, EQUAL, before, before.length);
      setXattr(op, at.name, after, after.length);
    });
    if ([ERRNO.ECANCELED, ERRNO.EEXIST, ERRNO.ENOENT].some((errno) => answer === -errno)) return false;
    this.expectDone(answer, `write ${at.name} of ${this.name}/${at.object}`);
    return true;
  }

  /** One write to the directory: the image is listed under the other name. */
  async renameInDirectory(turn: Turn, by: { from: string; to: string; imageId: string }): Promise<void> {
    const input = Buffer.concat([by.from, by.to, by.imageId].map(packString));
    const answer = await this.write(turn, 'rbd_directory', ({ exec }, op) =>
      exec(op, 'rbd', 'dir_rename_image', input, input.length, null),
    );
    this.expectDone(answer, `rename image ${this.name}/${by.from} to ${by.to}`);
  }

  /** Takes away what leads from a name to this image; where it leads to another, or to none, it stays as it is. */
  async dropId(turn: Turn, image: string, imageId: string): Promise<void> {
    const content = packString(imageId);
    const answer = await this.write(turn, `rbd_id.${image}`, ({ compareContent, remove }, op) => {
      compareContent(op, content, content.length, 0, null);
      remove(op);
    });
    if (answer === -ERRNO.ENOENT || answer <= CONTENT_DIFFERS) return;
    this.expectDone(answer, `free the name ${this.name}/${image}`);
  }

  /** Lets a name lead to this image, where it leads to none. */
  async writeId(turn: Turn, image: string, imageId: string): Promise<void> {
    const content = packString(imageId);
    const answer = await this.write(turn, `rbd_id.${image}`, ({ create, writeFull }, op) => {
      create(op, EXCLUSIVE, null);
      writeFull(op, content, content.length);
    });
    if (answer !== -ERRNO.EEXIST) this.expectDone(answer, `take the name ${this.name}/${image}`);
  }

  /** Any answer of the pool's will do. */
  async ping(turn: Turn): Promise<void> {
    await this.listedIdOf(turn, 'ping');
  }

  private async write(
    turn: Turn,
    object: string,
    fill: (by: Native['writeOp'], op: WriteOp) => void,
  ): Promise<number> {
    const { writeOp } = this.native;
    const op = writeOp.make();
    try {
      fill(writeOp, op);
      return await turn.call(() => writeOp.operate(op, this.io, object, null, 0));
    } finally {
      writeOp.release(op);
    }
  }

  destroy(): Promise<number> {
    return this.native.ioDestroy(this.io);
  }

  /** Asks the object class `rbd`; null when the object, or what was asked for in it, is not there. */
  private async ask(
    turn: Turn,
    object: string,
    method: string,
    input: Buffer,
    answerBytes = ANSWER_BYTES,
  ): Promise<Buffer | null> {
    const output = Buffer.allocUnsafe(answerBytes);
    const answer = await turn.call(() =>
      this.native.exec(this.io, object, 'rbd', method, input, input.length, output, output.length),
    );
    if (answer === -ERRNO.ENOENT) return null;
    this.expectDone(answer, `ask ${this.name}/${object} for ${method}`);
    return output.subarray(0, answer);
  }

  private async opened<T>(
    turn: Turn,
    image: string,
    how: 'open' | 'openReadOnly',
    work: (handle: Image) => Promise<T>,
    missing?: () => T,
  ): Promise<T> {
    const handle: [Image | null] = [null];
    const answer = await turn.call(() => this.native[how](this.io, image, handle, null));
    if (answer === -ERRNO.ENOENT && missing !== undefined) return missing();
    this.expectDone(answer, `open image ${this.name}/${image}`);
    const [opened] = handle;
    if (opened === null)
      throw new InvariantError('librbd opened an image to nothing', { reason: 'ceph-native' });
    try {
      return await work(opened);
    } finally {
      await turn.release(() => this.native.close(opened));
    }
  }

  private async sizeOf(turn: Turn, handle: Image, image: string): Promise<number> {
    const bytes: [number | null] = [null];
    const answer = await turn.call(() => this.native.size(handle, bytes));
    this.expectDone(answer, `read the size of image ${this.name}/${image}`);
    return bytes[0] ?? 0;
  }

  private async openedIdOf(turn: Turn, handle: Image, image: string): Promise<string> {
    const id = Buffer.alloc(IMAGE_ID_BYTES);
    const answer = await turn.call(() => this.native.id(handle, id, id.length));
    this.expectDone(answer, `read the id of image ${this.name}/${image}`);
    return id.toString('latin1', 0, id.indexOf(0));
  }

  private async watchersOf(turn: Turn, handle: Image, image: string): Promise<string[]> {
    const filled = Buffer.alloc(WATCHERS_MAX * this.native.watcherBytes);
    const count: [number] = [WATCHERS_MAX];
    const answer = await turn.call(() => this.native.watchers(handle, filled, count));
    this.expectDone(answer, `list the watchers of image ${this.name}/${image}`);
    return this.native.takeWatcherAddresses(filled, count[0]);
  }

  private expectDone(answer: number, what: string): void {
    if (answer < 0) this.fail(-answer, what);
  }
}
