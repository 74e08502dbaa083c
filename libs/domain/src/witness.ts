import type { SourceName } from './sources.js';

/** What a witness remembers of the registry, and keeps however the registry is set back. */
export interface Testimony {
  /** The highest tick that the registry has reached, as far as this witness was told. Never lowered. */
  readonly tick: number;
  /** The system was halted at that tick, and stays so until the registry's own is higher: by an operator's word. */
  readonly halted: boolean;
}

/** A place outside the registry that shows when the registry has been set back, as by a restored backup. */
export interface Witness {
  readonly name: SourceName;
  /** Null: it was never told anything. Rejects when it cannot be asked. */
  read(signal: AbortSignal): Promise<Testimony | null>;
  /** False: something else than `before` stood there, and stands still. So nothing that lands late undoes what is newer. */
  replace(
    testimony: { readonly before: Testimony | null; readonly after: Testimony },
    signal: AbortSignal,
  ): Promise<boolean>;
}
