import type { Settings } from './args.js';
import type { Compared } from './bench.js';
import type { DeleteResult } from './phases/change.js';
import type { CreateResult } from './phases/create.js';
import type { GetResult, ListResult } from './phases/read.js';
import type { RecoveryResult } from './phases/recovery.js';
import type { Rest } from './phases/rest.js';
import type { ScrubResult } from './phases/scrub.js';
import type { Takeovers } from './recovery/takeover.js';

/** All that a run measured; an operation that was not asked for is absent. */
export interface Results {
  readonly machine: { readonly cpus: number; readonly node: string; readonly loadBefore: number };
  readonly settings: Settings;
  readonly startMs: Readonly<Record<string, number>>;
  readonly rest: Rest;
  readonly create?: CreateResult;
  readonly get?: GetResult;
  readonly resize?: Compared;
  readonly delete?: DeleteResult;
  readonly list?: ListResult;
  readonly scrub?: ScrubResult;
  readonly recovery?: RecoveryResult;
  /** Measured alone; as a part of recovery it is there. */
  readonly takeover?: Takeovers;
  /** After all load, at rest again. */
  readonly restAfter: Rest;
}
