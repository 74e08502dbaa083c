/** Which faults were met while what was under way: a fault that never met any work has shown nothing. */
export const phases = ['idle', 'create', 'attach', 'detach', 'resize', 'delete'] as const;
export type Phase = (typeof phases)[number];

export class Reached {
  private readonly counts = new Map<string, Map<Phase, number>>();

  constructor(readonly kinds: readonly string[]) {
    for (const kind of kinds) this.counts.set(kind, new Map());
  }

  note(kind: string, under: Iterable<Phase>): void {
    const own = this.counts.get(kind);
    for (const phase of under) own?.set(phase, (own.get(phase) ?? 0) + 1);
  }

  count(kind: string, phase: Phase): number {
    return this.counts.get(kind)?.get(phase) ?? 0;
  }

  missing(kind: string): readonly Phase[] {
    return phases.filter((phase) => this.count(kind, phase) === 0);
  }

  get allMissing(): readonly string[] {
    return this.kinds.flatMap((kind) => this.missing(kind).map((phase) => `${kind} while ${phase}`));
  }

  table(): readonly string[] {
    const row = (cells: readonly (string | number)[]) =>
      cells.map((cell, n) => (n === 0 ? String(cell).padEnd(24) : String(cell).padStart(8))).join('');
    return [
      row(['fault met while', ...phases]),
      ...this.kinds.map((kind) => row([kind, ...phases.map((phase) => this.count(kind, phase))])),
    ];
  }

  asObject(): Record<string, Record<string, number>> {
    return Object.fromEntries([...this.counts].map(([kind, own]) => [kind, Object.fromEntries(own)]));
  }
}
