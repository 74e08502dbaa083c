import { join } from 'node:path';
import { numberOf } from '../paths.js';
import { addressOf, type Stack } from '../state.js';

/** Regions of the one-machine stack. The VMs' host is in the first. */
export const regions = [
  { slug: 'nyc1', name: 'New York 1', pool: 'volumes-nyc1', hosts: ['host-a'] },
  { slug: 'nyc3', name: 'New York 3', pool: 'volumes-nyc3', hosts: [] },
  { slug: 'lon1', name: 'London 1', pool: 'volumes-lon1', hosts: [] },
] as const;

export const pools = regions.map(({ pool }) => pool);

export function cephDir({ layout }: Stack): string {
  return join(layout.data, 'ceph');
}

export function cephConf(stack: Stack): string {
  return join(cephDir(stack), 'ceph.conf');
}

export function keyringOf(stack: Stack, user: string): string {
  return join(cephDir(stack), 'keyrings', `${user}.keyring`);
}

const gib = 1024 ** 3;

export function monAddress(stack: Stack): string {
  return `[v2:${addressOf(stack)}:${stack.state.ports['ceph-mon']!}]`;
}

/** Below all other ports of stacks. */
const daemonPortLowest = 7_000;
const daemonPortBlocks = 300;
const daemonPorts = 20;

/**
 * Ceph's daemons take the first ports of a range that are free, others after each start. When the manager gets those that
 * the OSD had, whoever looks for the OSD finds the manager, itself included, and turns on its heel as fast as it can.
 */
function bindBetween({ layout }: Stack, daemon: 'osd' | 'mgr'): string {
  const block = 2 * (numberOf(layout.data) % daemonPortBlocks) + (daemon === 'osd' ? 0 : 1);
  const first = daemonPortLowest + block * daemonPorts;
  return `ms_bind_port_min = ${first}\nms_bind_port_max = ${first + daemonPorts - 1}`;
}

/**
 * One file for daemons and clients. A client finds its key by its own name. Our clients' calls end by themselves; only
 * a VM's reads and writes wait for Ceph as long as it takes, because a guest must not see an error that will pass.
 */
export function cephConfText(stack: Stack, keyrings = join(cephDir(stack), 'keyrings')): string {
  const dir = cephDir(stack);
  const { state } = stack;
  return `[global]
fsid = ${state.ceph!.fsid}
mon_host = ${monAddress(stack)}
mon_initial_members = a
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
public_addr = ${addressOf(stack)}
cluster_addr = ${addressOf(stack)}
ms_bind_ipv6 = false
ms_bind_msgr1 = false
run_dir = ${state.sockets}
log_to_file = false
log_to_stderr = true
err_to_stderr = true
mon_cluster_log_to_file = false
auth_allow_insecure_global_id_reclaim = false
# A monitor gathers changes for a second before it agrees with the others; here there are no others.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
mon_warn_on_pool_no_redundancy = false
mon_data_avail_warn = 2
mon_data_avail_crit = 1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
# An OSD's right to serve reads lapses with this, until its peers renew it. It has none here, and after a pause that was
# longer the renewal can be lost: it then serves nothing any more.
osd_heartbeat_grace = 3600

[mon]
mon_data = ${join(dir, 'mon')}
admin_socket = ${state.sockets}/$name.asok

[mgr]
mgr_data = ${join(dir, 'mgr')}
admin_socket = ${state.sockets}/$name.asok
mgr_initial_modules =
${bindBetween(stack, 'mgr')}

[osd]
osd_data = ${join(dir, 'osd')}
admin_socket = ${state.sockets}/$name.asok
osd_objectstore = ${state.ephemeral ? 'memstore' : 'bluestore'}
memstore_device_bytes = ${8 * gib}
bluestore_block_size = ${10 * gib}
bluestore_cache_size = ${gib / 4}
osd_memory_target = ${gib}
${bindBetween(stack, 'osd')}
${state.ephemeral ? '# Only a slow end writes what memory holds to files, so that a stopped OSD can be started again.\nosd_fast_shutdown = false\n' : ''}
[client]
keyring = ${keyrings}/$name.keyring
log_to_stderr = false
err_to_stderr = false
client_mount_timeout = 10
rados_mon_op_timeout = 10
rados_osd_op_timeout = 20

[client.plumbline-vm]
rados_osd_op_timeout = 0
`;
}

/** The cephx users, each with no more than its process needs. */
export function cephUsers(): Record<string, Record<string, string>> {
  const onPools = (profile: string) => pools.map((pool) => `profile ${profile} pool=${pool}`).join(', ');
  const blocklist = 'allow command "osd blocklist"';
  return {
    'mon.': { mon: 'allow *' },
    'client.admin': { mon: 'allow *', osd: 'allow *', mgr: 'allow *', mds: 'allow *' },
    'osd.0': { mon: 'allow profile osd', mgr: 'allow profile osd', osd: 'allow *' },
    'mgr.a': { mon: 'allow profile mgr', osd: 'allow *', mds: 'allow *' },
    'client.plumbline-ceph': { mon: `profile rbd, ${blocklist}`, osd: onPools('rbd'), mgr: onPools('rbd') },
    'client.plumbline-scrub': { mon: `profile rbd-read-only, ${blocklist}`, osd: onPools('rbd-read-only') },
    'client.plumbline-qemu': { mon: 'profile rbd-read-only', osd: onPools('rbd-read-only') },
    'client.plumbline-vm': { mon: 'profile rbd', osd: onPools('rbd') },
  };
}

export function productUsers(): string[] {
  return Object.keys(cephUsers()).filter((user) => user.startsWith('client.plumbline-'));
}
