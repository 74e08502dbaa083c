/** What an account's clients believe of its volumes, from what they were answered. They may be wrong: that is part of the load. */
export interface Believed {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  size: number;
  vm: number | null;
}

export interface KeyUsed {
  readonly key: string;
  readonly body: object;
}

const REMEMBERED_MAX = 50;

export class Memory {
  readonly volumes = new Map<string, Believed>();
  readonly gone: string[] = [];
  readonly actions: { readonly volume: string; readonly n: number }[] = [];
  readonly keys: KeyUsed[] = [];

  volume(shown: { id: string; name: string; size: number; region: string; vm: number | null }): void {
    this.volumes.set(shown.id, { ...shown });
  }

  forget(id: string): void {
    if (this.volumes.delete(id)) this.keep(this.gone, id);
  }

  action(volume: string, n: number): void {
    this.keep(this.actions, { volume, n });
  }

  used(key: KeyUsed): void {
    this.keep(this.keys, key);
  }

  private keep<T>(list: T[], item: T): void {
    list.push(item);
    if (list.length > REMEMBERED_MAX) list.shift();
  }
}
