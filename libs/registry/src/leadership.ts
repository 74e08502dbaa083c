import type { BootId } from '@plumbline/domain';
import type { Kv, KvOp } from './kv.js';
import type { Layout } from './layout.js';

interface Leader {
  readonly boot: BootId;
}

/**
 * One leader among many processes: a key with the leader's boot, free when that boot's key is missing. A boot ends by
 * silence or by going, and both are known within seconds; a Consul session of the same purpose was seen to take 35 s.
 */
export class Leadership {
  private readonly key: string;

  constructor(private readonly by: { kv: Kv; layout: Layout; boot: BootId; of: string }) {
    this.key = by.layout.scrub(by.of);
  }

  /** True when this boot leads now; takes the lead when nobody alive has it. @throws Refusal when the registry is away */
  async hold(): Promise<boolean> {
    const [entry] = await this.by.kv.read([this.key]);
    const leader = entry ? (JSON.parse(entry.value) as Leader) : null;
    if (leader?.boot === this.by.boot) return true;
    const ops: KvOp[] = [
      { verb: 'cas', key: this.key, value: JSON.stringify({ boot: this.by.boot }), index: entry?.index ?? 0 },
    ];
    if (leader !== null) ops.push({ verb: 'check-not-exists', key: this.by.layout.boot(leader.boot) });
    const outcome = await this.by.kv.transact({
      ops,
      proof: {
        key: this.key,
        landed: (found) => found !== null && (JSON.parse(found.value) as Leader).boot === this.by.boot,
      },
    });
    return 'committed' in outcome;
  }
}
