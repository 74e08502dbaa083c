import { toldInput } from './body.js';
import type { Body, Input, Output, Stand, Step } from './body.js';
import { Process } from './process.js';
import type { Role } from './process.js';

/** A process that is run: it goes on only once, and from where it is. */
export class Running implements Body {
  private readonly process: Process;
  at: Stand;

  constructor(role: Role, name: string) {
    this.process = new Process(role, name);
    this.at = this.process.at;
  }

  async feed(input: Input): Promise<Step> {
    const outputs = await this.process.feed(input);
    this.at = this.process.at;
    return { body: this, outputs };
  }
}

/** Where a process can stand, and how it came there first. */
interface Place {
  readonly at: Stand;
  readonly by: { readonly from: Place; readonly input: Input } | null;
  /** By what is learnt there. */
  readonly next: Map<string, { readonly input: Input; readonly transition: Transition }>;
  /** One that stands there, as long as it has not gone on. */
  running: Running | null;
}

interface Arrival {
  readonly role: Role;
  readonly name: string;
  readonly from: Place;
  readonly input: Input;
  readonly to: Place;
}

interface Transition {
  readonly to: Place;
  readonly outputs: readonly Output[];
}

/**
 * What processes do, remembered: a process is a function of what it learns, and in most schedules learns what it has learnt
 * in another. So each is run once for each input at each place where it can stand, and looked up ever after.
 */
export class Memory {
  private readonly places = new Map<string, Place>();
  /** Other ways to places that had been come to before. */
  private readonly again: Arrival[] = [];

  bodyOf(role: Role, name: string): Body {
    const running = new Running(role, name);
    return new Remembered(this, role, name, this.placeOf(name, running, null));
  }

  /** @returns where that process stands: the same as any that has stood equal before */
  private placeOf(name: string, running: Running, by: Place['by']): Place {
    const { at } = running;
    const told = by === null ? `${name} before all` : toldOf(name, at);
    const known = this.places.get(told);
    if (known !== undefined) {
      known.running ??= running;
      return known;
    }
    const place: Place = { at, by, next: new Map(), running };
    this.places.set(told, place);
    return place;
  }

  async transition(role: Role, name: string, from: Place, input: Input): Promise<Transition> {
    const running = from.running ?? (await this.runTo(role, name, from));
    from.running = null;
    const { outputs } = await running.feed(input);
    const before = this.places.size;
    const to = this.placeOf(name, running, { from, input });
    if (this.places.size === before) this.again.push({ role, name, from, input, to });
    return { to, outputs };
  }

  /**
   * By whichever way a process has come to a place, it must go on from there in the same way: tried for each way and for
   * each thing that any has learnt there.
   * @throws Error when one does not
   */
  async tryEquals(): Promise<void> {
    for (const { role, name, from, input, to } of this.again)
      for (const { input: next, transition } of to.next.values()) {
        const running = await this.runTo(role, name, from);
        await running.feed(input);
        const { outputs } = await running.feed(next);
        const isSame = toldOf(name, running.at) === toldOf(name, transition.to.at);
        if (!isSame || JSON.stringify(outputs) !== JSON.stringify(transition.outputs)) throw notTheSame(name);
      }
  }

  private async runTo(role: Role, name: string, place: Place): Promise<Running> {
    const way: { readonly input: Input; readonly to: Place }[] = [];
    for (let to = place; to.by !== null; to = to.by.from) way.push({ input: to.by.input, to });
    const running = new Running(role, name);
    for (const { input, to } of way.reverse()) {
      await running.feed(input);
      if (toldOf(name, running.at) !== toldOf(name, to.at)) throw notTheSame(name);
    }
    return running;
  }
}

/** Two requests of one name are equal: it tells all that they ask for. */
function toldOf(name: string, { told, asked, aside }: Stand): string {
  return [name, told, ...asked.map((one) => one.name), 'aside', aside?.name ?? ''].join(' ');
}

function notTheSame(name: string): Error {
  return new Error(`${name} stands where it stood before, and goes on otherwise`);
}

class Remembered implements Body {
  constructor(
    private readonly memory: Memory,
    private readonly role: Role,
    private readonly name: string,
    private readonly place: Place,
  ) {}

  get at(): Stand {
    return this.place.at;
  }

  feed(input: Input): Step | Promise<Step> {
    const told = toldInput(input);
    const known = this.place.next.get(told);
    if (known !== undefined) return this.stepOf(known.transition);
    return this.learn(told, input);
  }

  private async learn(told: string, input: Input): Promise<Step> {
    const transition = await this.memory.transition(this.role, this.name, this.place, input);
    this.place.next.set(told, { input, transition });
    return this.stepOf(transition);
  }

  private stepOf({ to, outputs }: Transition): Step {
    return { body: new Remembered(this.memory, this.role, this.name, to), outputs };
  }
}
