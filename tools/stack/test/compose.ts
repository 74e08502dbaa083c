/**
 * What docker-compose.yml says of each service, beside what the processes of a running stack really have: their
 * environment, the ports on which they listen, their arguments and versions.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { usualPorts, type RunningStack } from '../src/index.js';

interface Service {
  image: string;
  command: string[];
  environment?: Record<string, string>;
  expose?: string[];
  ports?: string[];
  secrets?: string[];
  volumes?: string[];
  profiles?: string[];
  networks: { plumbline?: { ipv4_address: string } } | string[];
  restart?: string;
  container_name?: string;
  healthcheck?: { test: string[] };
  deploy: { resources: { limits: { cpus: string; memory: string } } };
}

export interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  secrets: Record<string, { file: string }>;
}

export function readCompose(file: string): Compose {
  return parse(readFileSync(file, 'utf8'), { merge: true }) as Compose;
}

/** A process of a stack, as the kernel shows it. */
export interface Seen {
  app: string;
  version: string;
  args: string[];
  environment: Record<string, string>;
  /** Names of the ports on which it listens; others, which Ceph's daemons choose by themselves, are left out. */
  ports: string[];
}

export interface SeenStack {
  processes: Seen[];
  /** Numbers of the ports, by name. */
  ports: Record<string, number>;
  secrets: string;
  run: string;
  cephConf: string;
}

export function seeStack({ stack, env }: RunningStack): SeenStack {
  const { ports } = stack.state;
  const { secrets, run } = stack.layout;
  const inodes = listeningInodes();
  const processes = Object.values(stack.state.processes).map(({ app, pid, version }) => {
    const numbers = socketsOf(pid).flatMap((inode) => inodes.get(inode) ?? []);
    const names = Object.keys(ports).filter((name) => numbers.includes(ports[name]!));
    const [, ...args] = wordsIn(`/proc/${pid}/cmdline`);
    const environment = Object.fromEntries(
      wordsIn(`/proc/${pid}/environ`).map((word) => word.split(/=(.*)/s, 2)),
    ) as Record<string, string>;
    return { app, version, args, environment, ports: names };
  });
  return { processes, ports, secrets, run, cephConf: env['CEPH_CONF']! };
}

function wordsIn(file: string): string[] {
  return readFileSync(file, 'utf8').split('\0').slice(0, -1);
}

const listenState = '0A';

function listeningInodes(): Map<string, number> {
  const lines = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1),
  );
  return new Map(
    lines.flatMap((line) => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      return local && inode && state === listenState
        ? [[inode, parseInt(local.split(':')[1]!, 16)] as const]
        : [];
    }),
  );
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, fd)))?.[1] ?? [];
    } catch {
      return []; // Closed since it was listed.
    }
  });
}

const partServices: Readonly<Record<string, string>> = {
  'ceph-mon': 'ceph',
  'ceph-osd': 'ceph',
  'ceph-mgr': 'ceph',
  qemu: 'hypervisor',
};
const serviceOf = ({ app }: Seen) => partServices[app] ?? app;
const usualPort = (name: string) => `${usualPorts[name.split(' ')[0] as keyof typeof usualPorts]}`;

/** Every way in which the compose file and the running stack are not the same system, in words. */
export function differences(compose: Compose, stack: SeenStack): string[] {
  const always = Object.keys(compose.services).filter((name) => !compose.services[name]!.profiles);
  const running = [...new Set(stack.processes.map(serviceOf))];
  const services = unequal('services', always, running);
  const each = running.flatMap((name) => {
    const service = compose.services[name];
    if (!service) return [];
    const processes = stack.processes.filter((process) => serviceOf(process) === name);
    const found = [
      ...unequal(
        'ports',
        service.expose ?? [],
        processes.flatMap(({ ports }) => ports).map((port) => usualPort(port)),
      ),
      ...environmentDifferences(compose, service, processes[0]!, stack),
      ...imageDifferences(service, processes[0]!),
    ];
    return found.map((text) => `${name}: ${text}`);
  });
  return [...services, ...each];
}

function unequal(what: string, written: readonly string[], seen: readonly string[]): string[] {
  const only = (some: readonly string[], others: readonly string[]) =>
    [...new Set(some)].filter((one) => !others.includes(one)).sort();
  return [
    ...only(written, seen).map((one) => `${what}: ${one} is in the compose file only`),
    ...only(seen, written).map((one) => `${what}: ${one} is in the running stack only`),
  ];
}

/** What every process has, and what the image's entry sets for each container. */
const notCompared = ['PATH', 'HOME', 'LANG', 'TZ', 'PLUMBLINE_NAME'];

function environmentDifferences(compose: Compose, service: Service, seen: Seen, stack: SeenStack): string[] {
  if (!seen.environment['PLUMBLINE_NAME']) return [];
  const written = service.environment ?? {};
  const names = Object.keys(seen.environment).filter((name) => !notCompared.includes(name));
  const values = names.flatMap((name) => {
    const value = written[name];
    const wanted = translated(compose, seen.environment[name]!, stack);
    if (value === undefined || value === wanted) return [];
    return [
      `${name} is ${value} in the compose file, and in the running stack what would be ${wanted} there`,
    ];
  });
  return [...unequal('variables', Object.keys(written), names), ...values, ...unmounted(service)];
}

/** A value of the running stack as it has to be where each service has an address, and folders, of its own. */
function translated(compose: Compose, value: string, { ports, secrets, run, cephConf }: SeenStack): string {
  if (value === '127.0.0.1') return '0.0.0.0';
  if (value === run) return '/var/lib/plumbline/run';
  if (value === cephConf) return join(accessFolder(compose), basename(cephConf));
  if (dirname(value) === secrets) return join('/run/secrets', basename(value));
  const port = /^(?:(\w+:\/\/)127\.0\.0\.1:)?(\d+)$/.exec(value);
  const name = Object.keys(ports).find((one) => `${ports[one]}` === port?.[2]);
  if (!port || !name) return value;
  return port[1] ? `${port[1]}${addressOf(compose.services[name])}:${usualPort(name)}` : usualPort(name);
}

function addressOf(service: Service | undefined): string {
  if (!service || Array.isArray(service.networks)) return 'no fixed address';
  return service.networks.plumbline?.ipv4_address ?? 'no fixed address';
}

function accessFolder({ services }: Compose): string {
  const { command } = services['ceph']!;
  return command[command.indexOf('--access') + 1] ?? '';
}

/** Files that a variable names must be in a secret or a volume that the service has. */
function unmounted({ environment = {}, secrets = [], volumes = [] }: Service): string[] {
  const folders = volumes.map((volume) => volume.split(':')[1]!);
  return Object.entries(environment).flatMap(([name, value]) => {
    const isSecret = dirname(value) === '/run/secrets';
    const isThere = isSecret
      ? secrets.includes(basename(value))
      : name !== 'CEPH_CONF' || folders.some((folder) => value.startsWith(`${folder}/`));
    return isThere ? [] : [`${name} names ${value}, which the service does not have`];
  });
}

/** What has to do with where a part is and whether its data are kept. */
const placeOptions = ['--port', '--bind', '--dir', '--protected-mode'];
const placeSettings = ['port', 'listen_addresses', 'unix_socket_directories', 'fsync'];

/** Of images that others make: the version, and how the program in it is called. */
function imageDifferences({ image, command }: Service, { app, args, version }: Seen): string[] {
  const tag = /^(?:redis|postgres):([\d.]+)/.exec(image)?.[1];
  if (!tag) return [];
  const isOf = version === tag || version.startsWith(`${tag}.`);
  const versions = isOf ? [] : [`image ${image}, but version ${version} runs`];
  const optionsOf = app === 'redis' ? redisOptions : postgresSettings;
  return [...versions, ...unequal('options', optionsOf(command.slice(1)), optionsOf(args))];
}

function redisOptions(args: readonly string[]): string[] {
  const pairs = args.flatMap((word, at) => (word.startsWith('--') ? [[word, args[at + 1] ?? '']] : []));
  return pairs.filter(([name]) => !placeOptions.includes(name!)).map((pair) => pair.join(' '));
}

function postgresSettings(args: readonly string[]): string[] {
  const settings = args.filter((_, at) => args[at - 1] === '-c');
  return settings.filter((setting) => !placeSettings.includes(setting.split('=')[0]!));
}
