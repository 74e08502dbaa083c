/** Something that must not be, with the invariant that it breaks. */
export interface Finding {
  readonly rule: string;
  readonly what: string;
  /** Of which volume, when of one. */
  readonly volume?: string;
  /** Numbers of the requests that show it. */
  readonly requests?: readonly number[];
}
