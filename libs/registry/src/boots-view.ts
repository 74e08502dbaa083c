import type { BootId, BootRecord, HostName } from '@plumbline/domain';
import { HostsWatch } from './hosts-watch.js';
import type { Kv, KvEntry } from './kv.js';
import type { Layout } from './layout.js';
import type { OwnBoot } from './own-boot.js';
import { SilenceWatch } from './silence.js';
import type { Timing } from './timing.js';

/**
 * From an answer to the next question, and a little more than a fourth of the silence that condemns: the fourth look that
 * finds a beat unchanged then has seen it stand for long enough, and none is needed after it.
 */
export const LOOK_INTERVAL_MS = 2_020;
/** More boots than this are not remembered as gone; one that is asked about again is merely looked for again. */
const GONE_REMEMBERED_MAX = 10_000;

export interface BootsViewOptions {
  readonly kv: Kv;
  readonly layout: Layout;
  readonly own: Pick<OwnBoot, 'boot' | 'beatHistory'>;
  readonly timing: Timing;
  /** How long a host may be away before what is to be built there is not waited for any more. */
  readonly hostGivenUpMs?: number;
  /** Called after each look that succeeded; not waited for. */
  readonly onLooked?: (view: BootsView) => void;
}

/** A boot that must be fenced, and the beat it has stood still at; null when it is being fenced already. */
export interface Condemned {
  readonly boot: BootId;
  readonly beat: string | null;
}

/** What this process knows of all boots, looked at every two seconds. */
export class BootsView {
  readonly #watch = new SilenceWatch();
  readonly #hosts: HostsWatch;
  readonly #asked = new Set<BootId>();
  readonly #gone = new Set<BootId>();
  #boots: ReadonlyMap<BootId, BootRecord> = new Map();
  #beats: ReadonlyMap<BootId, string> = new Map();
  #silent: ReadonlySet<BootId> = new Set();
  #cancel: (() => void) | null = null;
  #stopped = false;

  constructor(private readonly options: BootsViewOptions) {
    this.#hosts = new HostsWatch(options.hostGivenUpMs);
  }

  all(): readonly BootRecord[] {
    return [...this.#boots.values()];
  }

  /** Whose RADOS client that is, as far as is known. */
  ownerOf(address: string): 'living-boot' | 'condemned-boot' | 'nobody-known' {
    const boot = this.all().find((one) => one.address === address);
    if (boot === undefined) return 'nobody-known';
    return boot.state === 'alive' ? 'living-boot' : 'condemned-boot';
  }

  /** True when nobody has lived on that host for a minute, as far as this process has watched. */
  isHostAway(host: HostName): boolean {
    return this.#hosts.isAway(host);
  }

  /** True when that has been so for longer than anybody waits. */
  isHostGivenUp(host: HostName): boolean {
    return this.#hosts.isGivenUp(host);
  }

  isSilent(boot: BootId): boolean {
    return this.#silent.has(boot);
  }

  condemned(): readonly Condemned[] {
    const others = this.all().filter(({ boot }) => boot !== this.options.own.boot);
    return others.flatMap(({ boot, state }): readonly Condemned[] => {
      if (state === 'fencing') return [{ boot, beat: null }];
      return this.#silent.has(boot) ? [{ boot, beat: this.#beats.get(boot) ?? '' }] : [];
    });
  }

  /**
   * True when that boot's key is missing. Of a boot never seen it is not told before a look that began after the first
   * question: the boot may be younger than the last look.
   */
  isGone(boot: BootId): boolean {
    if (boot === this.options.own.boot || this.#boots.has(boot)) return false;
    if (this.#gone.has(boot)) return true;
    this.#asked.add(boot);
    return false;
  }

  /** One look. False: it failed, and what was known stays known. */
  async look(): Promise<boolean> {
    const { kv, layout, own, timing } = this.options;
    const asked = [...this.#asked];
    const askedAtMs = timing.nowMs();
    try {
      const [boots = [], beats = []] = await kv.readTrees([layout.boots, layout.beats]);
      const answeredAtMs = timing.nowMs();
      this.#note(boots, beats, asked);
      const others = new Map([...this.#beats].filter(([boot]) => boot !== own.boot));
      const living = this.all().flatMap(({ host, state }) =>
        state === 'alive' && host !== null ? host : [],
      );
      this.#hosts.observe({ askedAtMs, answeredAtMs, living: new Set(living) });
      this.#silent = this.#watch.observe({ askedAtMs, answeredAtMs, beats: others, own: own.beatHistory });
      return true;
    } catch {
      this.#hosts.observe(null);
      this.#silent = this.#watch.observe(null); // Who cannot read condemns nobody.
      return false;
    }
  }

  #note(boots: readonly KvEntry[], beats: readonly KvEntry[], asked: readonly BootId[]): void {
    const records = boots.map(({ value }) => JSON.parse(value) as BootRecord);
    const known = new Map(records.map((record) => [record.boot, record]));
    for (const boot of [...this.#boots.keys(), ...asked]) if (!known.has(boot)) this.#gone.add(boot);
    for (const boot of asked) this.#asked.delete(boot);
    for (const boot of this.#gone) {
      if (this.#gone.size <= GONE_REMEMBERED_MAX) break;
      this.#gone.delete(boot);
    }
    const beatOf = new Map(beats.map(({ key, value }) => [key, value]));
    this.#boots = known;
    this.#beats = new Map(
      records.map(({ boot }) => [boot, beatOf.get(this.options.layout.beat(boot)) ?? '']),
    );
  }

  /** Looks now, and then every two seconds until stopped. Resolves after the first look. */
  async start(): Promise<void> {
    await this.#lookAndGoOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #lookAndGoOn(): Promise<void> {
    const { timing, onLooked } = this.options;
    if (await this.look()) onLooked?.(this);
    if (this.#stopped) return;
    this.#cancel = timing.after(LOOK_INTERVAL_MS, () => void this.#lookAndGoOn());
  }
}
