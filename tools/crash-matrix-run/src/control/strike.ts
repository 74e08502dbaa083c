/** How those who stand where a batch wants them are struck, all at once, and how they get up again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { strikeOf } from '../matrix/cells.js';
import type { Batch, Strike } from '../matrix/cells.js';
import type { Crew } from './crew.js';
import type { Vandal } from './damage.js';
import type { Desk, Held, Seen } from './desk.js';
import type { Intents } from './intents.js';
import type { Subject } from './subject.js';
import type { World } from './world.js';

const FENCED_MS = 60_000;
const SENT_MS = 5_000;
/** Within a call: at once, or a little later. */
const LATER_MAX_MS = 3;
/** Long enough for a second delivery to be taken, and for what was said before a signal to arrive. */
const A_MOMENT_MS = 300;

export interface Hands {
  readonly desk: Desk;
  readonly crew: Crew;
  readonly intents: Intents;
  readonly world: World;
  readonly vandal: Vandal;
  readonly vms: readonly number[];
}

export interface HeldSubject {
  readonly subject: Subject;
  readonly held: Held;
}

export interface Struck {
  readonly batch: Batch;
  readonly hands: Hands;
  readonly held: readonly HeldSubject[];
  /** Waits for these to end. */
  readonly untilSettled: (subjects: readonly Subject[]) => Promise<void>;
  /** Judges the world as it stands still. */
  readonly look: () => Promise<void>;
}

/** @returns what is wrong with the workers themselves */
export async function strike(struck: Struck): Promise<readonly string[]> {
  const { batch, hands, held } = struck;
  const how = strikeOf(batch.point, batch.way);
  const { crew } = hands;
  if (how.signal === null) {
    await fail(struck, how);
    return [];
  }
  const letGo = () => {
    for (const one of held) one.held.answer(how.directive);
  };
  const signal = how.signal === 'kill' ? 'SIGKILL' : 'SIGSTOP';
  const isWithin = batch.point === 'within';
  if (isWithin) await strikeWithin(struck, signal, letGo);
  const stoodStillAtMs = performance.now();
  if (!isWithin) for (const { subject } of held) subject.struckAtMs = stoodStillAtMs;
  for (const name of crew.names) crew.signal(name, signal);
  if (isWithin) await noteReturned(struck);
  const wake = isWithin ? () => undefined : letGo;
  switch (how.signal) {
    case 'kill':
      if (isWithin) await struck.look();
      await crew.dead(crew.names);
      await crew.relieve({ withQemu: true });
      return [];
    case 'early':
      return await wakeEarly(struck, wake);
    case 'late':
      if (isWithin) await struck.look();
      return await wakeLate(struck, wake);
  }
}

/** No signal: each is told how its call or write ends, perhaps with its lane rung once more. */
async function fail({ hands: { intents }, held }: Struck, { directive, rings }: Strike): Promise<void> {
  if (rings) {
    await Promise.all(held.map(({ subject }) => intents.ringTwice(subject.resource)));
    await sleep(A_MOMENT_MS);
  }
  for (const { held: one, subject } of held) {
    subject.struckAtMs = performance.now();
    one.answer(directive);
  }
}

/** All are let go, and each process is struck when the last of its calls was sent: a call takes a few milliseconds. */
async function strikeWithin(
  { hands: { crew, desk }, held }: Struck,
  signal: NodeJS.Signals,
  letGo: () => void,
): Promise<void> {
  const open = new Map<string, Set<string>>();
  for (const { held: one, subject } of held)
    open.set(one.by, (open.get(one.by) ?? new Set()).add(subject.resource));
  const laterMs = Math.random() < 0.5 ? 0 : Math.random() * LATER_MAX_MS;
  const shoot = (name: string) => {
    open.delete(name);
    crew.signal(name, signal);
    for (const { held: one, subject } of held) if (one.by === name) subject.struckAtMs = performance.now();
  };
  const stop = desk.onSeen(({ by, doing, saw }) => {
    const left = open.get(by);
    if (saw !== 'sent' || left?.delete(doing.resource) !== true || left.size > 0) return;
    if (laterMs === 0) shoot(by);
    else setTimeout(shoot, laterMs, by);
  });
  letGo();
  const end = performance.now() + SENT_MS;
  while (open.size > 0 && performance.now() < end) await sleep(1);
  stop();
  for (const name of [...open.keys()]) shoot(name);
}

/** A call that had returned before the signal came, or was never sent, was not struck within. */
async function noteReturned({ hands: { desk }, held }: Struck): Promise<void> {
  await sleep(A_MOMENT_MS);
  for (const { subject } of held) {
    const isIts = ({ doing }: Seen) =>
      doing.intent === subject.asked?.intent ||
      (doing.move === 'owed' && doing.resource === subject.resource);
    const saw = desk.seen
      .filter((one) => isIts(one) && one.doing.move === subject.of.move.key)
      .map((one) => one.saw);
    subject.isReached = saw.at(-1) === 'sent';
  }
}

async function wakeEarly({ hands: { crew, world }, held, untilSettled }: Struck, letGo: () => void) {
  const before = world.bootsOf(await world.registry(), crew.names);
  letGo();
  await crew.nap();
  for (const name of crew.names) crew.signal(name, 'SIGCONT');
  await untilSettled(held.map(({ subject }) => subject));
  const after = world.bootsOf(await world.registry(), crew.names);
  const isFenced = before.some((boot) => !after.includes(boot));
  return isFenced ? ['a worker that woke before it was silent was fenced'] : [];
}

/** They sleep until others have fenced them and done what can be done; then they find the answer that was waiting. */
async function wakeLate({ hands: { crew, world }, held, untilSettled }: Struck, letGo: () => void) {
  const wrong: string[] = [];
  const names = crew.names;
  const boots = world.bootsOf(await world.registry(), names);
  letGo();
  await crew.relieve({ withQemu: false });
  const areGone = (registry: ReadonlyMap<string, unknown>) =>
    !boots.some((boot) => registry.has(`boots/${boot}`));
  if (!(await world.until(areGone, FENCED_MS))) wrong.push('a stopped worker was not fenced');
  await untilSettled(held.map(({ subject }) => subject).filter(({ of }) => !needsQemu(of)));
  for (const name of names) crew.signal(name, 'SIGCONT');
  for (const name of await crew.lingering(names)) wrong.push(`${name} was fenced, woke, and went on living`);
  await crew.startQemu();
  return wrong;
}

/**
 * Whether it can go on only when the host's own worker is back: the monitors are its predecessor's as long as that lives.
 * A write brings the line of the call before it into the ledger, so until it has landed that call is to be repeated.
 */
function needsQemu({ move, point, variant }: Batch['cases'][number]): boolean {
  const at = variant.moves.indexOf(move);
  const isOver = point === 'ledger' || (move.via === 'write' && point === 'after');
  const from = isOver ? at + 1 : move.via === 'write' ? Math.max(0, at - 1) : at;
  return variant.moves.slice(from).some(({ source }) => source === 'qemu');
}
