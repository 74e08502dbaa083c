import { hash } from 'node:crypto';

/** One run of a system whose next event is chosen from outside; the same choices give the same run. */
export interface Play {
  /** What may happen next, in words; none: it has come to rest. */
  choices(): readonly string[];
  /** The same for people, where states that count as equal are told in each other's words. */
  inWords?(): readonly string[];
  choose(at: number): Promise<void>;
  /** Two plays with equal states have equal futures. */
  state(): string;
  /** What must not be, in words; null: all is as it must be. Asked after every event, and once more at rest. */
  wrong(): Promise<string | null>;
}

/** A run of which there can be several from where it is. */
export interface ForkedPlay extends Play {
  fork(): ForkedPlay;
}

export interface Explored {
  readonly begin: () => Promise<ForkedPlay>;
  /** The same, and nothing of it is taken from another run: what was found by forking is tried with these. */
  readonly beginAnew: () => Promise<Play>;
  readonly told?: (progress: Progress) => void;
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

/** How far a walk is. */
export interface Progress {
  readonly states: number;
  /** Choices that are still to be made, each of which may lead to more. */
  readonly ways: number;
}

/** A choice at a state. */
interface Way {
  readonly from: number;
  readonly choice: number;
}

interface Node {
  /** What may happen there, as a hash. */
  readonly choices: string;
  /** Where each choice leads; null: not looked at yet. */
  readonly next: (number | null)[];
  /** How it was come to first; null: it is the beginning. */
  readonly by: Way | null;
}

/** Of the ways that lead to a state that was met before, every so manieth is gone on from by every choice; */
const TRIED_EACH = 64;
/** where that would be more than so many, of which each costs some runs from the beginning, fewer of them, evenly. */
const TRIED_MAX = 4_000;
/** A sixth more than the largest of our stories has: whoever gets there goes on for ever. */
const STATES_MAX = 1_000_000;

/**
 * Walks every choice at every state, each state once. At the end every state must lead to rest: one that does not is stuck,
 * however much happens. That states are equal is the play's word; on some of them it is tried, by runs of their own.
 *
 * @throws Error when a run of the same choices comes to another state, or two states that count as equal have other futures
 */
export async function explore({ begin, beginAnew, told }: Explored): Promise<Exploration> {
  const graph = new Graph();
  const first = await begin();
  const open: { readonly play: ForkedPlay; readonly way: Way }[] = [];
  let failure: Exploration['failure'] = null;
  const meet = (play: ForkedPlay, by: Way | null): void => {
    const choices = play.choices();
    const { id, isNew } = graph.meet(play.state(), choices, by);
    if (!isNew) return;
    for (let choice = choices.length - 1; choice >= 0; choice -= 1)
      open.push({ play, way: { from: id, choice } });
  };
  meet(first, null);
  for (let next = open.pop(); next !== undefined && failure === null; next = open.pop()) {
    const { way } = next;
    const play = next.play.fork();
    await play.choose(way.choice);
    const wrong = await play.wrong();
    if (wrong !== null)
      failure = { what: wrong, path: await namesOf([...graph.pathTo(way.from), way.choice], begin) };
    else meet(play, way);
    told?.({ states: graph.size, ways: open.length });
    if (graph.size > STATES_MAX)
      failure ??= {
        what: `A1: more than ${STATES_MAX} states: something grows without end`,
        path: await namesOf(graph.pathTo(way.from), begin),
      };
  }
  if (failure === null) await tryEquals(graph, async () => first.fork(), beginAnew);
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
  /** Some of the ways by which a state was come to that had been met before. */
  again: Way[] = [];
  private triedEach = TRIED_EACH;
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

  /** @param by the choice that has led there */
  meet(state: string, choices: readonly string[], by: Way | null): { id: number; isNew: boolean } {
    const known = this.ids.get(state);
    const id = known ?? this.nodes.length;
    const told = hash('sha1', [...choices].sort().join('\n'));
    if (known === undefined) {
      this.ids.set(state, id);
      this.nodes.push({ choices: told, next: choices.map(() => null), by });
    } else if (this.nodes[id]!.choices !== told)
      throw new Error(`at states that count as equal not the same may happen: ${choices.join(', ')}`);
    if (by !== null) {
      this.nodes[by.from]!.next[by.choice] = id;
      this.links += 1;
      if (known !== undefined && this.links % this.triedEach === 0) this.try(by);
    }
    return { id, isNew: known === undefined };
  }

  private try(way: Way): void {
    this.again.push(way);
    if (this.again.length <= TRIED_MAX) return;
    this.triedEach *= 2;
    this.again = this.again.filter((_, at) => at % 2 === 0);
  }

  /** Where a choice has led. */
  nextOf({ from, choice }: Way): number {
    return this.nodes[from]!.next[choice]!;
  }

  /** The choices by which it was come to first: kept as steps back, because whole ways would not fit memory. */
  pathTo(id: number): readonly number[] {
    const path: number[] = [];
    for (let by = this.nodes[id]!.by; by !== null; by = this.nodes[by.from]!.by) path.push(by.choice);
    return path.reverse();
  }

  /** A state from which no way leads to rest. */
  stuck(): number | null {
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
    const id = this.nodes.findIndex((_, at) => !good.has(at));
    return id < 0 ? null : id;
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

/** Where each choice leads must not depend on the way by which a state was come to. */
async function tryEquals(
  graph: Graph,
  forked: () => Promise<Play>,
  beginAnew: () => Promise<Play>,
): Promise<void> {
  const walked = async (path: readonly number[]): Promise<Play> => {
    const play = await beginAnew();
    let id = 0;
    for (const at of path) {
      await play.choose(at);
      id = graph.nextOf({ from: id, choice: at });
      if (graph.idOf(play.state()) !== id) throw new Error('two runs of the same choices differ');
    }
    return play;
  };
  for (const way of graph.again) {
    const id = graph.nextOf(way);
    const told = await playAt(graph.pathTo(id), forked);
    const names = told.choices();
    const path = [...graph.pathTo(way.from), way.choice];
    for (let at = 0; at < names.length; at += 1) {
      const play = await walked(path);
      const name = play.choices()[at] ?? 'nothing';
      await play.choose(at);
      if (graph.idOf(play.state()) !== graph.nextOf({ from: id, choice: names.indexOf(name) }))
        throw new Error(`states that count as equal have other futures: ${name}`);
    }
  }
}

async function playAt(path: readonly number[], begin: () => Promise<Play>): Promise<Play> {
  const play = await begin();
  for (const at of path) await play.choose(at);
  return play;
}

async function stuckIn(graph: Graph, begin: () => Promise<Play>): Promise<Exploration['failure']> {
  const id = graph.stuck();
  if (id === null) return null;
  return { what: 'A1: from here on nothing comes to rest', path: await namesOf(graph.pathTo(id), begin) };
}

/** What happens on a way, in words. */
async function namesOf(path: readonly number[], begin: () => Promise<Play>): Promise<readonly string[]> {
  const play = await begin();
  const names: string[] = [];
  for (const at of path) {
    names.push((play.inWords?.() ?? play.choices())[at] ?? 'nothing');
    await play.choose(at);
  }
  return names;
}
