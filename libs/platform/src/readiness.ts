import { whyOf } from './describe-error.js';
import { monotonicMs, withDeadline } from './time.js';

export interface ReadinessAnswer {
  readonly ready: boolean;
  readonly missing: readonly { readonly name: string; readonly why: string }[];
}

/** Rejects when the thing cannot be used now; the reason is what `/readyz` shows. */
type Look = (signal: AbortSignal) => Promise<unknown>;

interface Check {
  readonly name: string;
  readonly look: Look;
  readonly deadlineMs: number;
  /** A look that outlived its deadline and is still under way, and when it began. */
  open: { readonly since: number } | null;
}

const DEADLINE_MS = 1000;
/** Answers are kept this long, so that a crowd of probes is one look. */
const AGE_MS = 1000;
/** A look that takes no notice of its signal is given up after this, and another is begun. */
const ABANDON_MS = 30_000;

/** Whether a process can do its work now, and which of the things it needs is missing. */
export class Readiness {
  private readonly checks: Check[] = [];
  private last: { readonly at: number; readonly answer: Promise<ReadinessAnswer> } | null = null;
  private stopping = false;

  check(name: string, look: Look, deadlineMs = DEADLINE_MS): void {
    this.checks.push({ name, look, deadlineMs, open: null });
    this.last = null;
  }

  /** From now on not ready, so that callers go elsewhere while what is under way ends. */
  stop(): void {
    this.stopping = true;
  }

  async answer(): Promise<ReadinessAnswer> {
    if (this.stopping) return { ready: false, missing: [{ name: 'process', why: 'it is shutting down' }] };
    const now = monotonicMs();
    if (this.last === null || now - this.last.at > AGE_MS) this.last = { at: now, answer: this.lookAtAll() };
    return this.last.answer;
  }

  private async lookAtAll(): Promise<ReadinessAnswer> {
    const whys = await Promise.all(this.checks.map((check) => whyMissing(check)));
    const missing = this.checks.flatMap(({ name }, index) => {
      const why = whys[index];
      return why === null || why === undefined ? [] : [{ name, why }];
    });
    return { ready: missing.length === 0, missing };
  }
}

async function whyMissing(check: Check): Promise<string | null> {
  const now = monotonicMs();
  if (check.open !== null && now - check.open.since < ABANDON_MS) {
    return `no answer for ${Math.round(now - check.open.since)} ms`;
  }
  const open = { since: now };
  check.open = open;
  const close = () => {
    if (check.open === open) check.open = null;
  };
  try {
    await withDeadline({ what: check.name, deadlineMs: check.deadlineMs }, async (signal) => {
      await check.look(signal).finally(close);
    });
    return null;
  } catch (error) {
    return whyOf(error);
  }
}
