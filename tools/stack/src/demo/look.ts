/**
 * What each source says of one volume, read outside the product: with Ceph's, QEMU's and PostgreSQL's own tools, Consul's
 * own HTTP, and the guest's own kernel. Each says it in a few words that can be compared and printed.
 */
import { messageOf } from '../errors.js';
import { imageInfo, trashEntries } from '../outside/ceph.js';
import { consulValue } from '../outside/consul.js';
import { guestDisks } from '../outside/guest.js';
import { query } from '../outside/postgres.js';
import { vmDisks } from '../outside/qemu.js';
import { cephConf, regions } from '../parts/ceph-conf.js';
import { vmNames, vmSockets } from '../parts/vm.js';
import { readSecret } from '../secrets.js';
import { registryPrefix } from '../services.js';
import type { Stack } from '../state.js';

export const sources = ['consul', 'ceph', 'qemu', 'guest', 'postgres'] as const;
export type Source = (typeof sources)[number];
export type Sayings = Readonly<Record<Source, string>>;

export interface Subject {
  id: string;
  name: string;
}

const { pool } = regions[0];

/** What one source says now. A source that cannot be read says that, and disagrees with whatever was expected of it. */
export async function ask(stack: Stack, source: Source, volume: Subject): Promise<string> {
  try {
    return await readers[source](stack, volume);
  } catch (error) {
    return `cannot be read: ${messageOf(error).split('\n')[0]}`;
  }
}

export async function lookAt(stack: Stack, volume: Subject): Promise<Sayings> {
  const all = await Promise.all(sources.map(async (source) => [source, await ask(stack, source, volume)]));
  return Object.fromEntries(all) as Sayings;
}

const readers: Record<Source, (stack: Stack, volume: Subject) => Promise<string>> = {
  consul: sayConsul,
  ceph: sayCeph,
  qemu: sayQemu,
  guest: sayGuest,
  postgres: sayPostgres,
};

/** Where Consul keeps the record of a volume of the demo's account. */
export function recordKey({ state }: Stack, { id }: Subject): string {
  return `${registryPrefix}volumes/${state.account!}/${id}`;
}

async function sayConsul(stack: Stack, volume: Subject): Promise<string> {
  const address = `http://127.0.0.1:${stack.state.ports['consul']!}`;
  type VolumeRecord = { sizeGib: number; attachment: { vm: number } | null };
  const record = await consulValue<VolumeRecord>(address, recordKey(stack, volume));
  if (!record) return 'no record';
  const vm = record.attachment && vmNamed(stack, record.attachment.vm);
  return `record of ${record.sizeGib} GiB, ${vm ? `attached to ${vm}` : 'not attached'}`;
}

function vmNamed({ state }: Stack, id: number): string {
  const known = Object.entries(state.vms ?? {}).find(([, number]) => number === id);
  return known?.[0] ?? `VM ${id}`;
}

/** The name that the product gives to a volume's image. */
export function imageOf({ id }: Pick<Subject, 'id'>): string {
  return `volume-${id}`;
}

async function sayCeph(stack: Stack, volume: Subject): Promise<string> {
  const info = await imageInfo(cephConf(stack), pool, imageOf(volume));
  if (info) return `image of ${info.sizeGib} GiB`;
  const trash = await trashEntries(cephConf(stack), pool);
  return trash.some(({ name }) => name === imageOf(volume)) ? 'image in the trash' : 'no image';
}

/** Every VM is looked into: a disk in the wrong one would be the worst of mistakes. */
async function inEveryVm(find: (vm: (typeof vmNames)[number]) => Promise<number[]>): Promise<string> {
  const each = await Promise.all(vmNames.map(async (vm) => ({ vm, sizes: await find(vm) })));
  const disks = each.flatMap(({ vm, sizes }) => sizes.map((sizeGib) => `disk of ${sizeGib} GiB in ${vm}`));
  return disks.join(', ') || 'no disk';
}

function sayQemu(stack: Stack, volume: Subject): Promise<string> {
  return inEveryVm(async (vm) => {
    const disks = await vmDisks(vmSockets(stack, vm).tools);
    return disks.filter(({ file }) => file.includes(imageOf(volume))).map(({ sizeGib }) => sizeGib);
  });
}

function sayGuest(stack: Stack, { name }: Subject): Promise<string> {
  return inEveryVm(async (vm) => {
    const disks = await guestDisks(vmSockets(stack, vm).serial);
    return disks.filter(({ identity }) => identity === name).map(({ sizeGib }) => sizeGib);
  });
}

async function sayPostgres(stack: Stack, { id }: Subject): Promise<string> {
  type Row = { size_gib: number | null };
  const sql = `SELECT size_gib FROM subscriptions WHERE volume_id = '${id}'`;
  const [row] = await query<Row>(readSecret(stack, 'database-url-reader')!, sql);
  if (!row) return 'no subscription';
  return row.size_gib === null ? 'subscription ended' : `subscription of ${row.size_gib} GiB`;
}
