import type { BootId, Change, FacetName, Json, Place, QueueName, ResourceName } from '@plumbline/domain';
import type { FakeRequest } from '../kv/fake-consul.js';

/** What a process asks of the world, and waits for. */
export type Request =
  | { readonly of: 'registry'; readonly request: FakeRequest }
  | {
      readonly of: 'source';
      readonly what: 'observe' | 'apply' | 'undo';
      readonly facet: FacetName;
      readonly place: Place;
      readonly change: Change | null;
    }
  | { readonly of: 'fence'; readonly address: string };

/** A request and what it is called, by its own worker and by the other one that it could as well be. */
export interface Asked {
  readonly request: Request;
  readonly name: string;
  readonly mirroredName: string;
}

export type Answer = { readonly value: unknown } | { readonly error: unknown };

/** All that a process learns: it is a function of these. It hears of what it has asked for by its name; null: aside. */
export type Input =
  | { readonly do: 'begin' }
  | { readonly do: 'note its address' }
  | { readonly do: 'admit'; readonly kind: string; readonly params: Json; readonly atMs: number }
  | { readonly do: 'be walked' }
  | { readonly do: 'work'; readonly resource: ResourceName }
  | { readonly do: 'look'; readonly gone: string | null }
  | { readonly do: 'beat' }
  | { readonly do: 'take over'; readonly boot: BootId; readonly beat: string | null }
  | { readonly do: 'hear'; readonly of: string | null; readonly answer: Answer };

/** What a process does besides asking; nobody answers it. */
export type Output =
  | { readonly did: 'ring'; readonly queue: QueueName; readonly delayMs: number }
  | { readonly did: 'end' }
  | { readonly did: 'fence'; readonly address: string }
  | { readonly did: 'admit'; readonly intent: string; readonly key: string }
  | { readonly did: 'refuse'; readonly error: unknown }
  | { readonly did: 'fail'; readonly why: string };

/** Where a process stands. */
export interface Stand {
  readonly isAtWork: boolean;
  readonly isTakingOver: boolean;
  readonly knowsOneGone: boolean;
  /** What it waits for, by name; with a look or a beat besides, which are answered at once. */
  readonly asked: readonly Asked[];
  readonly aside: Asked | null;
  /** Processes of one name that stand equal in this do the same from there on; and as the other of the two would say it. */
  readonly told: string;
  readonly mirroredTold: string;
}

export interface Step {
  readonly body: Body;
  readonly outputs: readonly Output[];
}

/** A process, run or remembered. */
export interface Body {
  readonly at: Stand;
  feed(input: Input): Step | Promise<Step>;
}

export function toldInput(input: Input): string {
  if (input.do !== 'hear') return JSON.stringify(input);
  return `${input.of ?? 'aside'} ${toldAnswer(input.answer)}`;
}

export function toldAnswer(answer: Answer): string {
  if ('error' in answer) return toldError(answer.error);
  const { value } = answer;
  return Array.isArray(value) ? value.map(toldTree).join() : (JSON.stringify(value) ?? '');
}

/** Stores give the same tree as often as it is asked for. */
const trees = new WeakMap<object, string>();

function toldTree(tree: unknown): string {
  if (typeof tree !== 'object' || tree === null) return JSON.stringify(tree) ?? '';
  let told = trees.get(tree);
  if (told === undefined) trees.set(tree, (told = JSON.stringify(tree)));
  return told;
}

function toldError(error: unknown): string {
  const { reason = '', retryAfterMs = 0 } = error as { reason?: string; retryAfterMs?: number };
  return `${String(error)} ${reason} ${retryAfterMs}`;
}
