import { readFileSync, readdirSync } from 'node:fs';
import type { OwedFact } from '@plumbline/domain';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import type { Answer, ErrorBody, ShownVolume } from '@plumbline/testing';
import pg from 'pg';

const minuteMs = 60_000;
/** A refusal that is certain needs nobody's answer. */
const atOnceMs = 3_000;
/** A silent registry is asked again before it is given up. */
const givenUpMs = 20_000;
/** Longer than a boot may be silent before others fence it. */
const silenceMs = 12_000;
/** Requests at once, so that some are under way when Consul begins to hang; and how often that is tried. */
const tornCount = 300;
const roundsMax = 5;
const apps = ['api', 'ceph-worker-1', 'qemu-worker', 'billing-worker-1', 'scrubber-1'];

describe('a system of which a part is away', () => {
  let system: System;
  let vm: number;
  let attached: string;

  beforeAll(async () => {
    system = await System.start(tools);
    vm = Number(system.variable('PLUMBLINE_VM'));
    attached = await system.create('attached');
    await system.act(attached, { type: 'attach', droplet_id: vm });
    expect(await system.disagreements()).toEqual([]);
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  /** Does something while a part is away; all processes of ours must live through it, and nobody be fenced for it. */
  const living = async (work: () => Promise<void>): Promise<void> => {
    const lives = async () =>
      Promise.all(
        apps.map(async (name) => [name, system.stack.process(name).pid, await system.bootsOf(name)]),
      );
    const before = await lives();
    await work();
    expect(await system.disagreements()).toEqual([]);
    expect(await lives()).toEqual(before);
    expect((await system.stack.status()).filter(({ state }) => state !== 'ready')).toEqual([]);
  };

  const missing = async (name: string, part: string): Promise<void> => {
    const says = async () => {
      const said = await system.readiness(name);
      return said?.status === 503 && said.missing.includes(part);
    };
    await tools.waitFor(says, { what: `${name} to say that ${part} is missing` });
  };

  const unknownIn = async (volume: string): Promise<{ verdict: string; unknown: readonly string[] }> => {
    type Truth = { verdict: string; facets: { facet: string; agrees: boolean | null; unknown?: string }[] };
    const { body } = await system.operate<Truth>('GET', `volumes/${volume}/truth`);
    const { facets, verdict } = body;
    for (const { agrees, unknown } of facets) expect(agrees === null).toBe(unknown !== undefined);
    return { verdict, unknown: facets.filter(({ agrees }) => agrees === null).map(({ facet }) => facet) };
  };

  interface Event {
    intent: string;
    volume: string;
    rev: number;
    at: number;
    sizeGib: number | null;
  }

  const owed = async (): Promise<readonly Event[]> => {
    const entries = [...(await system.registry())].filter(([key]) => key.startsWith('owed/billing/'));
    return entries.map(([, { value }]) => {
      const { at, intent, resource, rev, want } = value as OwedFact;
      const sizeGib = want === null ? null : (want as { sizeGib: number }).sizeGib;
      return { intent, volume: resource.slice('volume/'.length), rev, at, sizeGib };
    });
  };

  const journaled = (volumes: readonly string[]): Promise<readonly Event[]> =>
    tools.query<Event>(
      system.variable('DATABASE_URL'),
      `SELECT intent_id AS intent, volume_id AS volume, rev, (extract(epoch FROM at) * 1000)::bigint AS at, size_gib AS "sizeGib"
       FROM subscription_events WHERE volume_id IN (${volumes.map((id) => `'${id}'`).join(',')})`,
    );

  /** A server's processes, of which each connection has one: stopping the first alone would leave those that serve. */
  const familyOf = (pid: number): readonly number[] => {
    const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const isChild = (child: string): boolean => {
      try {
        const stat = readFileSync(`/proc/${child}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false; // It has just ended.
      }
    };
    return [pid, ...all.filter(isChild).map(Number)];
  };
  const signalPostgres = (signal: NodeJS.Signals) => {
    for (const pid of familyOf(system.stack.process('postgres').pid)) process.kill(pid, signal);
  };
  const sql = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: system.variable('DATABASE_URL') });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };

  interface Away {
    readonly how: string;
    readonly begin: () => Promise<unknown> | void;
    readonly end: () => Promise<unknown> | void;
    /** Whether nobody can ask it anything. */
    readonly isSilent: boolean;
  }

  it.each<Away>([
    {
      how: 'killed',
      begin: () => system.stack.kill('postgres'),
      end: () => system.stack.restore(),
      isSilent: true,
    },
    {
      how: 'hung, with its connections open',
      begin: () => signalPostgres('SIGSTOP'),
      end: () => signalPostgres('SIGCONT'),
      isSilent: true,
    },
    {
      how: 'full',
      begin: () =>
        sql(`CREATE FUNCTION full_disk() RETURNS trigger AS $$
          BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$ LANGUAGE plpgsql;
          CREATE TRIGGER full_disk BEFORE INSERT ON subscription_events EXECUTE FUNCTION full_disk()`),
      end: () => sql('DROP FUNCTION full_disk CASCADE'),
      isSilent: false,
    },
  ])(
    'serves volumes as usual while PostgreSQL is $how, and its journal catches up exactly',
    ({ how, begin, end, isSilent }) =>
      living(async () => {
        await begin();
        const changed: string[] = [];
        const change = async () => {
          const grown = await system.create(`grown-${how.slice(0, 4)}`);
          const deleted = await system.create(`deleted-${how.slice(0, 4)}`);
          changed.push(grown, deleted);
          await system.act(grown, { type: 'resize', size_gigabytes: 3 });
          expect((await system.ask('DELETE', `/v2/volumes/${deleted}`)).status).toBe(204);
          if (isSilent) {
            await missing('billing-worker-1', 'postgres');
            await system.degradedBy(['billing']);
            expect(await unknownIn(grown)).toEqual({ verdict: 'busy', unknown: ['billing.subscription'] });
          } else
            await tools.waitFor(() => system.logged('billing-worker-1').includes('postgres-full'), {
              what: 'the worker to say that PostgreSQL is full',
            });
          const waiting = await owed();
          expect(waiting.map(({ sizeGib }) => sizeGib).sort()).toEqual([1, 1, 3, null]);
          return waiting;
        };
        const waiting = await change().finally(end);
        expect(await system.disagreements()).toEqual([]);
        const inOrder = (events: readonly Event[]) => events.map((event) => JSON.stringify(event)).sort();
        expect(inOrder(await journaled(changed))).toEqual(inOrder(waiting));
      }),
    2 * minuteMs,
  );

  const recordWithoutCeph = async (prefix: string, grown: string): Promise<readonly number[]> => {
    const recorded = await system.recordMany(prefix, 5);
    for (const { tookMs } of recorded) expect(tookMs).toBeLessThan(atOnceMs);
    const grow = await system.begin(grown, { type: 'resize', size_gigabytes: 2 });
    await missing('ceph-worker-1', 'ceph');
    await tools.waitFor(async () => (await unknownIn(attached)).unknown.includes('ceph.image'), {
      what: 'the image to be unknown',
    });
    await system.degradedBy(['ceph']);
    expect((await system.volume(grown)).size_gigabytes).toBe(1);
    return [grow, ...recorded.map(({ action }) => action)];
  };

  it(
    'records what is asked while Ceph hangs, says so to who waits, and carries it out when it is back',
    () =>
      living(async () => {
        const grown = await system.create('grown-later');
        system.stack.pause('ceph-osd');
        const waiting = system.ask('POST', '/v2/volumes', { body: system.wish('pending') });
        const [actions, pending] = await Promise.all([recordWithoutCeph('hung', grown), waiting]).finally(
          () => system.stack.resume('ceph-osd'),
        );
        unavailable(pending, 'pending');
        const late = Number(/action (\d+)/.exec(pending.body.message)?.[1]);
        await system.completed([...actions, late]);
        expect(await named('pending')).toHaveLength(1);
      }),
    2 * minuteMs,
  );

  it(
    'records what is asked while Ceph is stopped, and carries it out when it is back',
    () =>
      living(async () => {
        const grown = await system.create('grown-after');
        await system.stack.halt('ceph-osd');
        const recording = recordWithoutCeph('stopped', grown);
        await system.completed(await recording.finally(() => system.stack.restore()));
      }),
    2 * minuteMs,
  );

  const unavailable = ({ body, headers, status }: Answer<ErrorBody>, reason: string): void => {
    expect([status, body]).toMatchObject([
      503,
      { id: 'service_unavailable', message: expect.stringContaining(`(${reason})`) },
    ]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  };
  const named = async (name: string): Promise<readonly ShownVolume[]> =>
    (await system.ask<{ volumes: ShownVolume[] }>('GET', `/v2/volumes?name=${name}`)).body.volumes;

  it(
    'refuses at once while Consul is stopped, whatever is asked, and recovers by itself',
    () =>
      living(async () => {
        const before = await system.recorded();
        await system.stack.halt('consul');
        const refuse = async () => {
          const until = performance.now() + silenceMs;
          while (performance.now() < until) {
            const answers = await Promise.all([
              system.ask('POST', '/v2/volumes', { body: system.wish('refused') }),
              system.ask('POST', `/v2/volumes/${attached}/actions`, {
                body: { type: 'resize', size_gigabytes: 7 },
              }),
              system.ask('DELETE', `/v2/volumes/${attached}`),
              system.ask('GET', '/v2/volumes'),
              system.ask('GET', `/v2/volumes/${attached}`),
            ]);
            for (const answer of answers) {
              unavailable(answer, 'unavailable');
              expect(answer.tookMs).toBeLessThan(atOnceMs);
            }
            for (const app of apps) await missing(app, 'consul');
          }
        };
        await refuse().finally(() => system.stack.restore());
        expect(await system.recorded()).toEqual(before);
        await system.create('after-consul');
      }),
    2 * minuteMs,
  );

  /** As many requests as keep Consul busy, which is then made to hang; answered in whatever way. */
  const tear = async (prefix: string): Promise<readonly (readonly [string, Answer<ErrorBody>])[]> => {
    let answered = 0;
    const asked = Array.from({ length: tornCount }, async (_, n) => {
      const body = system.wish(`${prefix}-${n}`);
      const answer = await system.ask('POST', '/v2/volumes', { body, headers: { prefer: 'respond-async' } });
      answered += 1;
      return [body.name, answer] as const;
    });
    await tools.waitFor(() => answered > 0, { what: 'the first answer', everyMs: 1 });
    system.stack.pause('consul');
    return Promise.all(asked).finally(() => system.stack.resume('consul'));
  };

  it(
    'answers in time when Consul hangs, and what was not known then had happened wholly or not at all',
    () =>
      living(async () => {
        const answers: (readonly [string, Answer<ErrorBody>])[] = [];
        const isUnknown = ([, { body }]: (typeof answers)[number]) =>
          body.message?.includes('(outcome_unknown)');
        for (let round = 0; !answers.some(isUnknown); round += 1) {
          expect(round).toBeLessThan(roundsMax);
          answers.push(...(await tear(`torn${round}`)));
        }
        expect(await system.disagreements()).toEqual([]);
        const made = new Set((await volumeNames()).filter((name) => name.startsWith('torn')));
        for (const one of answers) {
          const [name, answer] = one;
          expect(answer.tookMs).toBeLessThan(givenUpMs);
          if (answer.status === 202) expect([name, made.has(name)]).toEqual([name, true]);
          else if (isUnknown(one)) unavailable(answer, 'outcome_unknown');
          else {
            unavailable(answer, 'unavailable');
            expect([name, made.has(name)]).toEqual([name, false]);
          }
        }
      }),
    3 * minuteMs,
  );

  const volumeNames = async (): Promise<readonly string[]> =>
    [...(await system.registry())]
      .filter(([key]) => key.startsWith('volumes/'))
      .map(([, { value }]) => (value as { name: string }).name);

  it(
    'shows as unknown what the worker would have to say that is away, and nothing else',
    async () => {
      expect(await unknownIn(attached)).toEqual({ verdict: 'agreed', unknown: [] });
      const unknown: string[] = [];
      for (const [worker, facets] of [
        ['ceph-worker-1', ['ceph.image']],
        ['qemu-worker', ['qemu.node', 'qemu.device']],
        ['billing-worker-1', ['billing.subscription']],
      ] as const) {
        await system.stack.halt(worker);
        unknown.push(...facets);
        const told = await unknownIn(attached);
        expect({ ...told, unknown: [...told.unknown].sort() }).toEqual({
          verdict: 'unknown',
          unknown: unknown.sort(),
        });
      }
      await system.stack.restore();
      expect(await unknownIn(attached)).toEqual({ verdict: 'agreed', unknown: [] });
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );
});
