/** One run of a system whose next event is chosen from outside; the same choices give the same run. */
export interface Play {
  /** What may happen next, in words; none: it has come to rest. */
  choices(): readonly string[];
  choose(at: number): Promise<void>;
  /** Two plays with equal states have equal futures. */
  state(): string;
  /** What must not be, in words; null: all is as it must be. Asked after every event, and once more at rest. */
  wrong(): Promise<string | null>;
}

export interface Exploration {
  readonly states: number;
  /** Events that were looked at: each leads from one state to another. */
  readonly events: number;
  /** Ways from the beginning to rest, those that meet in a state counted each: what was proved without walking each. */
  readonly schedules: number;
  readonly endings: number;
  /** The first thing that was wrong, and the choices that lead there. */
  readonly failure: { readonly what: string; readonly path: readonly string[] } | null;
}

interface Node {
  /** Where each choice leads; null: not looked at yet. */
  readonly next: (number | null)[];
  readonly path: readonly number[];
}

/** More states than any of our stories has: whoever gets there has something in its state that grows without end. */
const STATES_MAX = 400_000;

/**
 * Walks every choice at every state, each state once. There is no way back in a run, so each way that was left aside is
 * walked from the beginning. At the end every state must lead to rest: one that does not is stuck, however much happens.
 */
export async function explore(begin: () => Promise<Play>): Promise<Exploration> {
  const graph = new Graph();
  const ways: number[][] = [[]];
  let failure: Exploration['failure'] = null;
  for (let way = ways.pop(); way !== undefined && failure === null; way = ways.pop()) {
    const play = await begin();
    const path: number[] = [];
    const names: string[] = [];
    const step = async (at: number): Promise<void> => {
      names.push(play.choices()[at] ?? 'nothing');
      path.push(at);
      await play.choose(at);
      const wrong = await play.wrong();
      if (wrong !== null) failure = { what: wrong, path: names };
    };
    let from: number | null = null;
    for (const at of way) {
      if (path.length === way.length - 1) from = graph.idOf(play.state());
      await step(at);
    }
    for (;;) {
      const choices = play.choices();
      const { id, isNew } = graph.meet(play.state(), choices.length, path);
      if (from === null && path.length > 0)
        throw new Error(`two runs of the same choices differ: ${names.join(', ')}`);
      if (from !== null) graph.link(from, path.at(-1)!, id);
      if (failure !== null || !isNew || choices.length === 0) break;
      for (let at = 1; at < choices.length; at += 1) ways.push([...path, at]);
      from = id;
      await step(0);
    }
    if (graph.size > STATES_MAX) throw new RangeError(`more than ${STATES_MAX} states`);
  }
  failure ??= await stuckIn(graph, begin);
  return {
    states: graph.size,
    events: graph.links,
    schedules: graph.schedules(),
    endings: graph.endings,
    failure,
  };
}

class Graph {
  private readonly ids = new Map<string, number>();
  private readonly nodes: Node[] = [];
  links = 0;

  get size(): number {
    return this.nodes.length;
  }

  get endings(): number {
    return this.nodes.filter(({ next }) => next.length === 0).length;
  }

  idOf(state: string): number | null {
    return this.ids.get(state) ?? null;
  }

  meet(state: string, choices: number, path: readonly number[]): { id: number; isNew: boolean } {
    const known = this.ids.get(state);
    if (known !== undefined) return { id: known, isNew: false };
    const id = this.nodes.length;
    this.ids.set(state, id);
    this.nodes.push({ next: Array.from({ length: choices }, () => null), path: [...path] });
    return { id, isNew: true };
  }

  link(from: number, choice: number, to: number): void {
    this.nodes[from]!.next[choice] = to;
    this.links += 1;
  }

  /** A state from which no way leads to rest. */
  stuck(): Node | null {
    const before = new Map<number, number[]>();
    this.nodes.forEach(({ next }, from) => {
      for (const to of next) if (to !== null) before.set(to, [...(before.get(to) ?? []), from]);
    });
    const good = new Set<number>();
    const open = this.nodes.flatMap(({ next }, id) => (next.length === 0 ? [id] : []));
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (good.has(id)) continue;
      good.add(id);
      open.push(...(before.get(id) ?? []));
    }
    return this.nodes.find((_, id) => !good.has(id)) ?? null;
  }

  /** Of ways that go in a circle each is counted as if it went round once. */
  schedules(): number {
    const counted = new Map<number, number>();
    const open = [0];
    while (open.length > 0) {
      const id = open.at(-1)!;
      const next = (this.nodes[id]?.next ?? []).filter((to) => to !== null);
      const ahead = next.filter((to) => !counted.has(to));
      if (!counted.has(id)) counted.set(id, 0);
      if (ahead.length > 0) {
        open.push(ahead[0]!);
        continue;
      }
      open.pop();
      counted.set(id, next.length === 0 ? 1 : next.reduce((sum, to) => sum + counted.get(to)!, 0));
    }
    return counted.get(0) ?? 0;
  }
}

async function stuckIn(graph: Graph, begin: () => Promise<Play>): Promise<Exploration['failure']> {
  const node = graph.stuck();
  if (node === null) return null;
  const play = await begin();
  const path: string[] = [];
  for (const at of node.path) {
    path.push(play.choices()[at] ?? 'nothing');
    await play.choose(at);
  }
  return { what: 'A1: from here on nothing comes to rest', path };
}
