import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack, type RunningStack } from '../src/index.js';
import { differences, readCompose, seeStack, type Compose, type SeenStack } from './compose.js';

const root = join(import.meta.dirname, '../../..');
const file = join(root, 'docker-compose.yml');
const minuteMs = 60_000;

describe('docker-compose.yml', () => {
  let stack: RunningStack;
  let seen: SeenStack;

  beforeAll(async () => {
    const data = mkdtempSync(join(tmpdir(), 'plumbline-compose-'));
    chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
    stack = await startStack({ ephemeral: true, data, workers: { 'ceph-worker': 2 } });
    seen = seeStack(stack);
  }, 3 * minuteMs);

  afterAll(() => stack.stop(), minuteMs);

  it('has the services, ports, environment, options and versions of a running stack', () => {
    expect(differences(readCompose(file), seen)).toEqual([]);
  });

  it.each<[string, (compose: Compose) => void, string]>([
    ['a service that is missing', ({ services }) => delete services['scrubber'], 'services: scrubber'],
    [
      'a service that nobody runs',
      ({ services }) => (services['mail'] = services['api']!),
      'services: mail is in the compose file only',
    ],
    [
      'a variable that is missing',
      ({ services }) => delete services['qemu-worker']!.environment!['PLUMBLINE_HOST'],
      'qemu-worker: variables: PLUMBLINE_HOST is in the running stack only',
    ],
    [
      'a variable that nobody reads any more',
      ({ services }) => (services['api']!.environment!['OLD'] = '1'),
      'api: variables: OLD is in the compose file only',
    ],
    [
      'another value',
      ({ services }) => (services['ceph-worker']!.environment!['PLUMBLINE_CONCURRENCY'] = '8'),
      'ceph-worker: PLUMBLINE_CONCURRENCY is 8',
    ],
    [
      'the address of another part',
      ({ services }) => (services['api']!.environment!['REDIS_URL'] = 'redis://172.30.77.11:6379'),
      'api: REDIS_URL is',
    ],
    [
      'a secret that the service does not have',
      ({ services }) => (services['billing-worker']!.secrets = []),
      'billing-worker: DATABASE_URL_FILE names',
    ],
    [
      'a port on which nobody listens',
      ({ services }) => services['api']!.expose!.push('8090'),
      'api: ports: 8090',
    ],
    [
      'a port that is kept quiet',
      ({ services }) => (services['consul']!.expose = ['8500']),
      'consul: ports: 8300 is in the running stack only',
    ],
    [
      'another version of a part',
      ({ services }) => (services['postgres']!.image = 'postgres:14'),
      'postgres: image',
    ],
    [
      'a Redis that drops rings',
      ({ services: { redis } }) => (redis!.command[redis!.command.indexOf('noeviction')] = 'allkeys-lru'),
      'redis: options: --maxmemory-policy allkeys-lru',
    ],
  ])('would be caught with %s', (_mistake, make, found) => {
    const compose = readCompose(file);
    make(compose);
    expect(differences(compose, seen)).toContainEqual(expect.stringContaining(found));
  });

  it('publishes on loopback only, restarts, checks and limits every service, and fixes no name that would stop scaling', () => {
    const { services, secrets, volumes } = readCompose(file);
    for (const [name, service] of Object.entries(services)) {
      const { deploy, healthcheck, ports = [], profiles, restart } = service;
      expect([name, deploy.resources.limits]).toEqual([
        name,
        { cpus: expect.any(String), memory: expect.any(String) },
      ]);
      if (!profiles) {
        // A word that YAML takes for something else would be no command.
        const words = [...(healthcheck?.test ?? []), ...service.command];
        expect([name, restart, words[0]]).toEqual([name, 'unless-stopped', 'CMD']);
        expect(words.filter((word) => typeof word !== 'string')).toEqual([]);
      }
      for (const port of ports) {
        expect([name, port]).toEqual([name, expect.stringMatching(/^127\.0\.0\.1:\d+:\d+$/)]);
        expect(service.expose).toContain(port.split(':')[2]);
      }
      expect(service.container_name).toBeUndefined();
      for (const secret of service.secrets ?? []) expect(Object.keys(secrets)).toContain(secret);
      for (const volume of service.volumes ?? [])
        expect(volume.startsWith('./') || volume.split(':')[0]! in volumes).toBe(true);
    }
    expect(services['ceph-worker']!.ports).toBeUndefined();
  });

  it('runs the Node that this project is tested with, on the Debian that the parts come from', () => {
    const images = [...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^FROM (\S+:\S+)/gm)];
    const debian = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const least = /\d+/.exec(engines.node)?.[0];
    expect(images.map(([, image]) => image)).toEqual([`node:${least}-${debian}-slim`]);
  });
});
