import { randomUUID } from 'node:crypto';
import type { ResourceName, VolumeId } from '@plumbline/domain';
import { intentCatalog } from '@plumbline/intents';
import type { Case } from '../matrix/cells.js';
import { byHandNameOf } from '../matrix/damages.js';
import { recordAfter } from '../matrix/expected.js';
import { STANDINGS, paramsFor } from '../matrix/variants.js';
import type { Asked, Intents } from './intents.js';
import { newSubject } from './subject.js';
import type { Subject } from './subject.js';
import type { Hands } from './strike.js';
import type { World } from './world.js';

const READY_MS = 120_000;

/** Brings a volume about for each case, in the state that the case begins in. */
export async function prepare(
  cases: readonly Case[],
  { intents, vandal, world, vms }: Pick<Hands, 'intents' | 'vandal' | 'world' | 'vms'>,
): Promise<readonly Subject[]> {
  let attached = 0;
  const subjects = cases.map((of): Subject => {
    const volume = randomUUID() as VolumeId;
    // The VMs take turns, because each has so many slots and no more.
    const vm = vms[of.variant.needsVm ? attached++ % vms.length : 0] ?? 0;
    const account = intents.accountFor(of.variant);
    const params = paramsFor(of.variant.definition, {
      volumeId: volume,
      account: account.id,
      vm,
      name: volume,
      image: byHandNameOf(volume),
    });
    return newSubject({ of, account, vm, volume, params });
  });
  // One kind after the other: a delete would end a create that it finds unfinished.
  const longest = Math.max(...subjects.map(({ of }) => STANDINGS[of.variant.standing].length));
  for (let at = 0; at < longest; at += 1) {
    const asked = await Promise.all(subjects.map((subject) => bringAbout(subject, at, intents)));
    await allEnd(asked.flat(), world, 'the volumes of a batch');
  }
  const registry = await world.registry();
  for (const subject of subjects) subject.before = world.record(registry, subject);
  const [{ slug: region = '' } = {}] = intents.regions;
  for (const subject of subjects) {
    const { damage } = subject.of.variant;
    if (damage === null) continue;
    subject.params = {
      ...(subject.params as object),
      ...(await vandal.damage(damage, { ...subject, region })),
    };
  }
  return subjects;
}

async function bringAbout(
  { account, of, vm, volume }: Subject,
  at: number,
  intents: Intents,
): Promise<readonly Asked[]> {
  const kind = STANDINGS[of.variant.standing][at];
  if (kind === undefined) return [];
  const definition = intentCatalog.get(kind);
  if (definition === undefined) throw new TypeError(`the catalogue has no ${kind}`);
  const by = { volumeId: volume, account: account.id, vm, name: volume, image: byHandNameOf(volume) };
  return [await intents.ask(account, definition, paramsFor(definition, by))];
}

/**
 * What was undone can be asked for again, and then goes well; and afterwards every volume can be detached and deleted:
 * nothing is stuck.
 */
export async function useAndRemove(
  subjects: readonly Subject[],
  { intents, world }: { intents: Intents; world: World },
): Promise<void> {
  const registry = await world.registry();
  const asked = await Promise.all(
    subjects.map(async ({ account, of, ended, params, resource, volume, wrong }) => {
      const all: Asked[] = [];
      const record = world.record(registry, { account, volume });
      if (record === null) return all;
      const ask = async (kind: string, given: object) => {
        const definition = intentCatalog.get(kind)!;
        all.push(await intents.ask(account, definition, { ...(definition.example as object), ...given }));
      };
      try {
        if (ended === 'errored') all.push(await intents.ask(account, of.variant.definition, params));
        const after =
          ended === 'errored' ? recordAfter(of, { params, before: record, ends: 'completed' }) : record;
        // What was to end it has ended it now.
        if (after === null) return all;
        const attachedTo = after.attachment?.vm;
        if (attachedTo !== undefined) await ask('volume-detach', { volumeId: volume, vm: attachedTo });
        await ask('volume-delete', { volumeId: volume });
      } catch (error) {
        wrong.push(`${resource} cannot be used afterwards: ${String(error)}`);
      }
      return all;
    }),
  );
  await allEnd(asked.flat(), world, 'the end of a batch');
}

async function allEnd(asked: readonly Asked[], world: World, what: string): Promise<void> {
  const left = new Set(asked);
  const bad: string[] = [];
  const resources = new Set<ResourceName>(asked.map(({ resource }) => resource));
  const isOver = await world.until((registry) => {
    for (const one of left) {
      const action = world.action(registry, one);
      if (action === undefined || action.status === 'in-progress') continue;
      left.delete(one);
      if (action.status !== 'completed')
        bad.push(`${action.kind} of ${one.resource}: ${action.message ?? ''}`);
    }
    return left.size === 0 && [...resources].every((resource) => world.isAtRest(registry, resource));
  }, READY_MS);
  if (bad.length > 0) throw new Error(`${what} went wrong: ${bad.join('; ')}`);
  if (!isOver)
    throw new Error(
      `${what} was waited for in vain: ${[...left].map(({ resource }) => resource).join(', ')}`,
    );
}
