/**
 * A volume's life through the API, watched from outside. Consul, Ceph and QEMU must say the new truth when the API
 * answers: what a customer is told holds everywhere. Some learn of it behind the answer, and are asked until they say it
 * or a deadline has passed: PostgreSQL, which is fed by what commits owe; the guest, whose kernel finds its disks by
 * itself; and Ceph at a delete, because a volume is gone before its image goes to the trash.
 */
import { ApiClient } from '../api.js';
import { consulKeys } from '../outside/consul.js';
import { removeFromTrash } from '../outside/ceph.js';
import { cephConf, regions } from '../parts/ceph-conf.js';
import { vmNames, vmSockets } from '../parts/vm.js';
import { readSecret } from '../secrets.js';
import { registryPrefix } from '../services.js';
import { saveState, type Stack } from '../state.js';
import { waitFor } from '../wait.js';
import { readFromImage, readingOf, wording, writeInGuest } from './bytes.js';
import { ask, imageOf, sources, type Sayings, type Source, type Subject } from './look.js';
import { agrees, linesOf, verdictOf, type Finding, type Stage } from './report.js';
import {
  act,
  attachTo,
  createVolume,
  deleteVolume,
  detachFrom,
  growTo,
  removeLeftover,
  type Volume,
} from './volume.js';

export { lookAt, recordKey, type Sayings, type Source } from './look.js';

const eventualMs = 5_000;
const askAgainMs = 50;
const settledMs = 30_000;
const vm = vmNames[0];

/** Where the guest writes: at the volume's begin, and, once it has grown, in what it did not have before. */
const firstMib = 0;
const grownMib = 2047;

/** Runs the demo and prints it. True when every source agreed at every stage. What it made is removed again. */
export async function runDemo(stack: Stack): Promise<boolean> {
  const api = new ApiClient(`http://127.0.0.1:${stack.state.ports['api']!}`, readSecret(stack, 'api-token')!);
  const began = performance.now();
  await removeEarlier(stack, api);
  const stages: Stage[] = [];
  for await (const stage of lifeOf(stack, api)) {
    stages.push(stage);
    for (const line of linesOf(stage)) stack.progress.line(line);
  }
  stack.progress.line(verdictOf(stages, performance.now() - began));
  return stages.every(({ findings }) => findings.every(agrees));
}

/** What an interrupted demo has left is known by its name, or, when it is in the trash already, by its noted id. */
async function removeEarlier(stack: Stack, api: ApiClient): Promise<void> {
  const left = (await removeLeftover(api)).map(({ id }) => id);
  for (const id of new Set([...left, ...(stack.state.demo ? [stack.state.demo] : [])])) {
    await emptyTrash(stack, id);
  }
}

/** A create that was interrupted holds the name, and cannot be found and removed until it has ended. */
async function createNoted(stack: Stack, api: ApiClient): Promise<Volume> {
  const volume = await waitFor(
    async () => {
      const created = await createVolume(api, 1);
      if (!created) await removeEarlier(stack, api);
      return created;
    },
    { what: 'the name of the demo to be free', deadlineMs: settledMs, everyMs: askAgainMs },
  );
  stack.state.demo = volume.id;
  saveState(stack);
  return volume;
}

async function* lifeOf(stack: Stack, api: ApiClient): AsyncGenerator<Stage> {
  const { serial } = vmSockets(stack, vm);
  const droplet_id = stack.state.vms![vm]!;
  const detached = { qemu: 'no disk', guest: 'no disk' };

  const [volume, createMs] = await timed(() => createNoted(stack, api));
  const stage = async (
    name: string,
    work: () => Promise<unknown>,
    expected: Sayings,
    late: Source[] = [],
  ) => {
    const [, tookMs] = await timed(work);
    return { name, tookMs, findings: await compare(stack, volume, expected, ['guest', 'postgres', ...late]) };
  };
  const one = { ceph: 'image of 1 GiB', postgres: 'subscription of 1 GiB' };
  const created = { ...one, ...detached, consul: 'record of 1 GiB, not attached' };
  yield { ...(await stage('create, 1 GiB', nothing, created)), tookMs: createMs };
  yield stage(`attach to ${vm}`, () => act(api, volume, attachTo(droplet_id)), {
    ...one,
    ...inVm(1),
    consul: `record of 1 GiB, attached to ${vm}`,
  });
  yield said('guest writes', 'guest', () => writeInGuest(serial, volume, firstMib), wording(firstMib));

  const two = { ceph: 'image of 2 GiB', postgres: 'subscription of 2 GiB' };
  yield stage('grow to 2 GiB under the guest', () => act(api, volume, growTo(2)), {
    ...two,
    ...inVm(2),
    consul: `record of 2 GiB, attached to ${vm}`,
  });
  yield said('guest writes', 'guest', () => writeInGuest(serial, volume, grownMib), wording(grownMib));
  yield stage('detach', () => act(api, volume, detachFrom(droplet_id)), {
    ...two,
    ...detached,
    consul: 'record of 2 GiB, not attached',
  });
  const offsets = [firstMib, grownMib];
  const read = () => readFromImage(stack, volume, offsets);
  yield said('read back', 'ceph', read, `rbd export: ${readingOf(offsets)}`);

  const gone = {
    ...detached,
    consul: 'no record',
    ceph: 'image in the trash',
    postgres: 'subscription ended',
  };
  yield stage('delete', () => deleteVolume(api, volume), gone, ['ceph']);
  await emptyTrash(stack, volume.id);
}

const nothing = () => Promise.resolve();
const inVm = (sizeGib: number) => ({
  qemu: `disk of ${sizeGib} GiB in ${vm}`,
  guest: `disk of ${sizeGib} GiB in ${vm}`,
});

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await work(), performance.now() - began];
}

/** A stage of which one source alone can tell. */
async function said(
  name: string,
  source: Source,
  work: () => Promise<string>,
  expected: string,
): Promise<Stage> {
  const [says, tookMs] = await timed(work);
  return { name, tookMs, findings: [{ source, says, expected }] };
}

/** Asks all sources at the same time: those that must know at once are asked once. */
async function compare(
  stack: Stack,
  volume: Subject,
  expected: Sayings,
  late: readonly Source[],
): Promise<Finding[]> {
  const began = performance.now();
  return Promise.all(
    sources.map(async (source): Promise<Finding> => {
      let says = await ask(stack, source, volume);
      const wanted = expected[source];
      if (says === wanted || !late.includes(source)) return { source, says, expected: wanted };
      const isSo = async () => (says = await ask(stack, source, volume)) === wanted;
      const wait = { what: source, deadlineMs: eventualMs, everyMs: askAgainMs };
      await waitFor(isSo, wait).catch(() => undefined);
      return { source, says, expected: wanted, tookMs: performance.now() - began };
    }),
  );
}

/** The trash keeps a deleted volume for a while; the demo's own does not have to wait for that. */
async function emptyTrash(stack: Stack, id: string): Promise<void> {
  const address = `http://127.0.0.1:${stack.state.ports['consul']!}`;
  const lane = `${registryPrefix}lanes/volume/${id}`;
  const isSettled = async () => (await consulKeys(address, lane)).length === 0;
  await waitFor(isSettled, { what: 'the delete to settle', deadlineMs: settledMs, everyMs: askAgainMs });
  await removeFromTrash(cephConf(stack), regions[0].pool, imageOf({ id }));
  delete stack.state.demo;
  saveState(stack);
}
