/**
 * One pool, kept as RADOS keeps it: a directory of names, an object per name with the internal id, a header per id, and the
 * trash by id. Every function is one effect; who dies between two of them leaves what the real one leaves.
 */
export interface TrashedName {
  readonly name: string;
  readonly deletedAtMs: number;
  /** False until the move has ended. */
  whole: boolean;
}

export class FakePool {
  readonly directory = new Map<string, string>();
  readonly ids = new Map<string, string>();
  /** Sizes in bytes, by internal id. */
  readonly headers = new Map<string, number>();
  readonly trash = new Map<string, TrashedName>();
  /** Addresses that have the image open, by internal id. */
  readonly watchers = new Map<string, Set<string>>();

  /** The first half of `rbd create`; null: the name is taken. */
  writeName(name: string, imageId: string): string | null {
    if (this.directory.has(name) || this.ids.has(name)) return null;
    this.directory.set(name, imageId);
    this.ids.set(name, imageId);
    return imageId;
  }

  writeHeader(imageId: string, sizeBytes: number): void {
    this.headers.set(imageId, sizeBytes);
  }

  /** What can be opened by its name. */
  opened(name: string): { imageId: string; sizeBytes: number } | null {
    const imageId = this.ids.get(name);
    const sizeBytes = imageId === undefined ? undefined : this.headers.get(imageId);
    return imageId === undefined || sizeBytes === undefined ? null : { imageId, sizeBytes };
  }

  watch(imageId: string, address: string): void {
    const watching = this.watchers.get(imageId) ?? new Set<string>();
    this.watchers.set(imageId, watching.add(address));
  }

  unwatch(imageId: string, address: string): void {
    this.watchers.get(imageId)?.delete(address);
  }

  watchersOf(imageId: string): readonly string[] {
    return [...(this.watchers.get(imageId) ?? [])].sort();
  }

  /** The move to the trash, in its three effects. It succeeds under whoever has the image open. */
  noteInTrash(imageId: string, entry: TrashedName): void {
    if (!this.trash.has(imageId)) this.trash.set(imageId, entry);
  }

  dropId(name: string): void {
    this.ids.delete(name);
  }

  dropName(name: string, imageId: string): void {
    if (this.directory.get(name) === imageId) this.directory.delete(name);
    const entry = this.trash.get(imageId);
    if (entry !== undefined) entry.whole = true;
  }

  /** `rbd remove`: it takes whatever the name leads to, a header too. */
  remove(name: string): void {
    const imageId = this.ids.get(name) ?? this.directory.get(name);
    this.ids.delete(name);
    this.directory.delete(name);
    if (imageId !== undefined) this.headers.delete(imageId);
  }

  purge(imageId: string): void {
    this.trash.delete(imageId);
    this.headers.delete(imageId);
  }

  /** A rename, in its three effects. False: the new name is taken, or the old one is another's. */
  renameInDirectory(from: string, to: string, imageId: string): boolean {
    if (this.directory.get(from) !== imageId || this.directory.has(to)) return false;
    this.directory.delete(from);
    this.directory.set(to, imageId);
    return true;
  }

  dropIdOf(name: string, imageId: string): void {
    if (this.ids.get(name) === imageId) this.ids.delete(name);
  }

  writeIdOf(name: string, imageId: string): void {
    if (!this.ids.has(name)) this.ids.set(name, imageId);
  }

  restore(imageId: string, name: string): void {
    this.directory.set(name, imageId);
    this.ids.set(name, imageId);
    this.trash.delete(imageId);
  }
}
