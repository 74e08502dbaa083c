import type { Boots, Lanes } from '@plumbline/registry';

/** What operators read of the system's own state. */
export class StateBooks {
  readonly lanes: Lanes;
  readonly boots: Boots;

  constructor(by: { lanes: Lanes; boots: Boots }) {
    this.lanes = by.lanes;
    this.boots = by.boots;
  }
}
