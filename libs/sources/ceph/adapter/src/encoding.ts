/**
 * How the object class `rbd` packs its arguments and answers: little-endian numbers, strings and maps after their length,
 * structures after two version bytes and their size, so that a reader may skip what a later version appended.
 */
const NO_SNAPSHOT = 0xfffffffffffffffen;

export function packString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const packed = Buffer.allocUnsafe(4 + bytes.length);
  packed.writeUInt32LE(bytes.length);
  bytes.copy(packed, 4);
  return packed;
}

/** The arguments of a paged listing: what to go on after, and how many to answer. */
export function packPage(after: string, max: number): Buffer {
  const count = Buffer.allocUnsafe(8);
  count.writeBigUInt64LE(BigInt(max));
  return Buffer.concat([packString(after), count]);
}

/** The argument of `get_size` for the image itself, not one of its snapshots. */
export function packNoSnapshot(): Buffer {
  const packed = Buffer.allocUnsafe(8);
  packed.writeBigUInt64LE(NO_SNAPSHOT);
  return packed;
}

export function unpackString(answer: Buffer): string {
  return new Reader(answer).string();
}

/** `get_size` answers the object size's order and the image's size. */
export function unpackSizeBytes(answer: Buffer): number {
  return Number(answer.readBigUInt64LE(1));
}

export type DirectoryEntry = readonly [name: string, imageId: string];

export function unpackDirectory(answer: Buffer): DirectoryEntry[] {
  const reader = new Reader(answer);
  return Array.from({ length: reader.u32() }, () => [reader.string(), reader.string()] as const);
}

export interface TrashEntry {
  readonly imageId: string;
  readonly name: string;
  readonly deletedAtMs: number;
  /** `moving`: a move to or from the trash is under way, or was interrupted; `removing`: its removal. */
  readonly state: 'whole' | 'moving' | 'removing';
}

export function unpackTrash(answer: Buffer): TrashEntry[] {
  const reader = new Reader(answer);
  return Array.from({ length: reader.u32() }, () => readTrashEntry(reader, reader.string()));
}

/** One entry, asked for by its internal id. */
export function unpackTrashEntry(answer: Buffer, imageId: string): TrashEntry {
  return readTrashEntry(new Reader(answer), imageId);
}

/** From this version of the structure on, it ends with the state. */
const TRASH_VERSION_WITH_STATE = 2;

function readTrashEntry(reader: Reader, imageId: string): TrashEntry {
  const version = reader.u8();
  reader.u8(); // The oldest version that can read it.
  const size = reader.u32();
  const end = reader.at + size;
  reader.u8(); // Who moved it.
  const name = reader.string();
  const deletedAtMs = reader.u32() * 1_000 + Math.floor(reader.u32() / 1e6);
  reader.u32(); // The end of the deferment, seconds
  reader.u32(); // and nanoseconds.
  const state = version < TRASH_VERSION_WITH_STATE ? 0 : reader.u8();
  reader.at = end;
  return { imageId, name, deletedAtMs, state: TRASH_STATES[state] ?? 'moving' };
}

/** Of librbd's numbers; the third, a restoring, is a move as well. */
const TRASH_STATES: readonly TrashEntry['state'][] = ['whole', 'moving', 'removing', 'moving'];

class Reader {
  at = 0;

  constructor(private readonly bytes: Buffer) {}

  u8(): number {
    return this.bytes.readUInt8(this.advance(1));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.advance(4));
  }

  string(): string {
    const length = this.u32();
    const from = this.advance(length);
    return this.bytes.toString('utf8', from, from + length);
  }

  private advance(count: number): number {
    const from = this.at;
    this.at += count;
    return from;
  }
}
