/**
 * What a worker under the matrix and its controller say to each other: one line of JSON each, over a unix socket in the
 * stack's run folder. A worker asks at each point and waits for the answer, while its beats go on.
 */
import { join } from 'node:path';
import type { MoveKey } from '../matrix/variants.js';

/**
 * `before` and `after` a call or a write of its own; `writing` and `written` around the write that has a call's line of
 * the ledger. `drain`: about to read what is owed.
 */
export type PointName = 'before' | 'after' | 'writing' | 'written' | 'drain';

/**
 * `reject`: fail definitely. `uncertain`: fail as one who does not know. `silence`: as if no answer came. `again`: make
 * the same effect once more.
 */
export type Directive = 'go' | 'reject' | 'uncertain' | 'silence' | 'again';

/** One move of one intent, by one attempt. */
export interface Doing {
  readonly resource: string;
  readonly kind: string;
  /** Empty where it is not known, and not needed. */
  readonly intent: string;
  readonly move: MoveKey;
  readonly turn: number;
  /** False for a look at what must hold. */
  readonly changes: boolean;
}

/** `sent`, then `returned` or `failed`; `doubled`: what must not work twice has. */
export type Sight = 'sent' | 'returned' | 'failed' | 'doubled';

export type FromWorker =
  | { readonly hello: { readonly name: string; readonly boot: string } }
  | { readonly ask: number; readonly point: PointName; readonly doing: Doing }
  | { readonly saw: Sight; readonly doing: Doing; readonly detail?: string };

export interface ToWorker {
  readonly answer: number;
  readonly directive: Directive;
}

export function socketIn(runDir: string): string {
  return join(runDir, 'matrix.sock');
}

/** Whole lines of a stream, each as JSON. */
export function linesTo<T>(take: (message: T) => void): (part: Buffer) => void {
  let text = '';
  return (part) => {
    const lines = (text + part.toString('utf8')).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as T);
  };
}
