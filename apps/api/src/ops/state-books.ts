import type { Boots, Discrepancies, Lanes } from '@plumbline/registry';

/** What operators read of the system's own state. */
export class StateBooks {
  readonly lanes: Lanes;
  readonly boots: Boots;
  readonly discrepancies: Discrepancies;

  constructor(by: { lanes: Lanes; boots: Boots; discrepancies: Discrepancies }) {
    this.lanes = by.lanes;
    this.boots = by.boots;
    this.discrepancies = by.discrepancies;
  }
}
