import type { KvEntry } from '@plumbline/registry';
import type { FakeStore } from '../kv/fake-store.js';

interface Version {
  readonly index: number;
  readonly version: number;
  readonly text: string;
}

/**
 * How often each key has changed, in place of its index: processes only ever compare an index with another of the same key,
 * while the number itself also counts what happens to all other keys, and would make states differ that do not.
 */
export class Versions {
  private readonly known = new Map<string, Version>();
  /** Which version of its key an index was. */
  private readonly byIndex = new Map<string, number>();

  /** To be called after every event: in one event a key changes once at most. */
  follow(store: FakeStore): void {
    const there = store.tree('');
    for (const { key, index, value } of there) {
      const known = this.known.get(key);
      if (known?.index === index) continue;
      const version = (known?.version ?? 0) + 1;
      this.known.set(key, { index, version, text: `${key} ${version} ${value}` });
      this.byIndex.set(`${key} ${index}`, version);
    }
    if (this.known.size === there.length) return;
    const keys = new Set(there.map(({ key }) => key));
    for (const [key, { index, version }] of this.known)
      if (!keys.has(key) && index > 0) this.known.set(key, { index: 0, version: version + 1, text: '' });
  }

  /** Nought: it is not there. */
  at(key: string, index: number): number {
    return this.byIndex.get(`${key} ${index}`) ?? 0;
  }

  of({ key, index, value }: KvEntry): string {
    const known = this.known.get(key);
    return known?.index === index ? known.text : `${key} new ${value}`;
  }

  /** All that is there: an index of what is gone is no key's any more. */
  state(): readonly string[] {
    return [...this.known.values()].map(({ text }) => text).filter((text) => text !== '');
  }
}
