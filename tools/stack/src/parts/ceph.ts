import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { isWhole, markWhole } from '../marks.js';
import { ensureProcess, isUp, type Started } from '../processes.js';
import { run } from '../run.js';
import { saveState, type Stack } from '../state.js';
import { waitFor } from '../wait.js';
import {
  cephConf,
  cephConfText,
  cephDir,
  cephUsers,
  keyringOf,
  monAddress,
  pools,
  productUsers,
} from './ceph-conf.js';

/**
 * A Ceph of one monitor, one OSD and one manager. The keys of all users are made before the monitor's first start and
 * given to it with its data, which spares a call, and half a second, for each.
 */
export async function startCeph(stack: Stack): Promise<Started> {
  if (!isWhole(cephDir(stack))) await initialise(stack);
  if (!isUp(stack, 'ceph-mon')) await moveMonitor(stack);
  writeFileSync(cephConf(stack), cephConfText(stack));
  const version = /version ([\d.]+)/.exec(await run('ceph-mon', ['--version']))?.[1] ?? '?';
  const mon = await startMonitor(stack, version);
  const [osd, mgr] = await Promise.all([startOsd(stack, version), startManager(stack, version)]);
  await ensurePools(stack);
  return [mon, osd, mgr].find((how) => how !== 'already up') ?? 'already up';
}

/**
 * Puts what the product's processes need to reach this Ceph into a folder that they share, wherever that is mounted: the
 * configuration and their own keys, never an administrator's.
 */
export function shareAccess(stack: Stack, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const user of productUsers()) copyFileSync(keyringOf(stack, user), join(folder, `${user}.keyring`));
  writeFileSync(join(folder, 'ceph.conf'), cephConfText(stack, folder));
}

function conf(stack: Stack): string[] {
  return ['-c', cephConf(stack)];
}

async function initialise(stack: Stack): Promise<void> {
  const dir = cephDir(stack);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(join(dir, 'keyrings'), { recursive: true, mode: 0o700 });
  for (const part of ['mon', 'osd', 'mgr']) mkdirSync(join(dir, part));
  stack.state.ceph = { fsid: randomUUID(), osdUuid: randomUUID(), monPort: stack.state.ports['ceph-mon']! };
  saveState(stack);
  writeFileSync(cephConf(stack), cephConfText(stack));
  await makeKeyrings(stack);
  const monmap = await makeMonmap(stack);
  const everyone = join(dir, 'keyrings/everyone');
  await run('ceph-mon', [...conf(stack), '-i', 'a', '--mkfs', '--monmap', monmap, '--keyring', everyone]);
  rmSync(everyone);
  copyFileSync(keyringOf(stack, 'mon.'), join(dir, 'mon/keyring'));
  copyFileSync(keyringOf(stack, 'osd.0'), join(dir, 'osd/keyring'));
  copyFileSync(keyringOf(stack, 'mgr.a'), join(dir, 'mgr/keyring'));
  const { osdUuid } = stack.state.ceph;
  await run('ceph-osd', [...conf(stack), '-i', '0', '--mkfs', '--no-mon-config', '--osd-uuid', osdUuid]);
  markWhole(dir);
}

async function makeKeyrings(stack: Stack): Promise<void> {
  const everyone = join(cephDir(stack), 'keyrings/everyone');
  for (const [user, caps] of Object.entries(cephUsers())) {
    const keyring = keyringOf(stack, user);
    const capArgs = Object.entries(caps).flatMap(([service, cap]) => ['--cap', service, cap]);
    await run('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', user, ...capArgs]);
    const create = existsSync(everyone) ? [] : ['--create-keyring'];
    await run('ceph-authtool', [...create, everyone, '--import-keyring', keyring]);
  }
}

async function makeMonmap(stack: Stack): Promise<string> {
  const monmap = join(cephDir(stack), 'monmap');
  const { fsid } = stack.state.ceph!;
  await run('monmaptool', [
    '--create',
    '--clobber',
    '--fsid',
    fsid,
    '--addv',
    'a',
    monAddress(stack),
    monmap,
  ]);
  return monmap;
}

/** A monitor knows its own address from its map: when its port was taken by somebody else, the map must learn the new. */
async function moveMonitor(stack: Stack): Promise<void> {
  const { state } = stack;
  const port = state.ports['ceph-mon']!;
  if (state.ceph!.monPort === port) return;
  const monmap = await makeMonmap(stack);
  writeFileSync(cephConf(stack), cephConfText(stack));
  await run('ceph-mon', [...conf(stack), '-i', 'a', '--inject-monmap', monmap]);
  state.ceph!.monPort = port;
  saveState(stack);
}

const answerMs = 5_000;

/** The `ceph` command costs half a second a call, so several commands go through one, line by line. */
async function ceph(stack: Stack, commands: readonly string[], timeoutMs = 30_000): Promise<string> {
  const input = `${commands.join('\n')}\n`;
  return run('ceph', [...conf(stack), '--connect-timeout', '10'], { input, timeoutMs });
}

async function startMonitor(stack: Stack, version: string): Promise<Started> {
  const port = stack.state.ports['ceph-mon']!;
  return ensureProcess(stack, {
    name: 'ceph-mon',
    app: 'ceph-mon',
    command: 'ceph-mon',
    args: [...conf(stack), '-f', '-i', 'a'],
    port,
    version,
    ready: () =>
      run('ceph', [...conf(stack), '--connect-timeout', '5', 'mon', 'stat'], {
        timeoutMs: 2 * answerMs,
      }).then(() => true),
  });
}

async function startOsd(stack: Stack, version: string): Promise<Started> {
  const { osdUuid } = stack.state.ceph!;
  const registered = join(cephDir(stack), 'osd-registered');
  if (!existsSync(registered)) {
    await ceph(stack, [`osd new ${osdUuid} 0`]);
    writeFileSync(registered, '');
  }
  refuseLostMemory(stack);
  return ensureProcess(stack, {
    name: 'ceph-osd',
    app: 'ceph-osd',
    command: 'ceph-osd',
    args: [...conf(stack), '-f', '-i', '0'],
    version,
    ready: () => Promise.resolve(true),
  });
}

/** A throw-away OSD keeps its objects in memory; killed, it has lost them, and what remains would only confuse. */
function refuseLostMemory(stack: Stack): void {
  if (!stack.state.ephemeral || !stack.state.processes['ceph-osd'] || isUp(stack, 'ceph-osd')) return;
  if (existsSync(cleanEnd(stack))) {
    rmSync(cleanEnd(stack));
    return;
  }
  throw new StackError(
    'the OSD of this throw-away stack was killed and its objects, held in memory, are lost: tools/down, then up again',
  );
}

/** Written when a throw-away OSD was stopped in order, and so has written its memory to files. */
export function cleanEnd(stack: Stack): string {
  return join(cephDir(stack), 'osd-ended-clean');
}

async function startManager(stack: Stack, version: string): Promise<Started> {
  return ensureProcess(stack, {
    name: 'ceph-mgr',
    app: 'ceph-mgr',
    command: 'ceph-mgr',
    args: [...conf(stack), '-f', '-i', 'a'],
    version,
    ready: () => Promise.resolve(true),
  });
}

/** Pools are made once; that each can be listed proves at every start that OSD and placement groups serve them. */
async function ensurePools(stack: Stack): Promise<void> {
  const made = join(cephDir(stack), 'pools-made');
  if (!existsSync(made)) {
    await ceph(
      stack,
      pools.map((pool) => `osd pool create ${pool} 8`),
    );
  }
  await Promise.all(pools.map((pool) => waitFor(() => poolServes(stack, pool), { what: `pool ${pool}` })));
  if (existsSync(made)) return;
  await Promise.all(pools.map((pool) => run('rbd', [...conf(stack), 'pool', 'init', pool])));
  writeFileSync(made, '');
}

export async function poolServes(stack: Stack, pool: string): Promise<boolean> {
  await run('rbd', [...conf(stack), 'ls', pool], { timeoutMs: answerMs });
  return true;
}
