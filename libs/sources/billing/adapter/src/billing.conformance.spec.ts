import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { EngineError, TransientError, UncertainError, volumeIdOf } from '@plumbline/domain';
import type { OwedFact, VolumeId } from '@plumbline/domain';
import { describeBilling, describeWitness, historyOf } from '@plumbline/testing';
import { Client } from 'pg';
import { connectBilling } from './client.js';
import type { BillingClient, BillingOptions } from './client.js';

const url = process.env['PLUMBLINE_TEST_DATABASE_URL'] ?? '';
if (url === '')
  throw new Error(
    'PLUMBLINE_TEST_DATABASE_URL must name a PostgreSQL database for this suite; ./tools/test sets it',
  );

const schema = `plumbline_${randomUUID().replaceAll('-', '')}`;
const POOL_SIZE = 4;
const deadlines = { connectMs: 5_000, statementMs: 20_000 };
const outside = new Client({ connectionString: url });
let billing: BillingClient;

beforeAll(async () => {
  await outside.connect();
  billing = await connectBilling({ url, schema, poolSize: POOL_SIZE, deadlines });
  const second = await connectBilling({ url, schema, poolSize: 1, deadlines });
  // Two workers that start at once, and one that starts again.
  await Promise.all([billing.migrate(), second.migrate(), billing.migrate()]);
  await second.migrate();
  await second.close();
});

afterAll(async () => {
  await billing.close();
  await outside.query(`drop schema ${schema} cascade`);
  await outside.end();
});

async function intervalsOf(volume: VolumeId) {
  const { rows } = await outside.query<{ size_gib: number; starts_at: Date; ends_at: Date | null }>(
    `select * from ${schema}.subscription_intervals where volume_id = $1 order by starts_at`,
    [volume],
  );
  return rows.map((row) => ({
    sizeGib: row.size_gib,
    startsAt: row.starts_at.getTime(),
    endsAt: row.ends_at?.getTime() ?? null,
  }));
}

describeBilling('PostgreSQL', () => ({ client: billing, intervalsOf }));

describeWitness('PostgreSQL', () => billing.witnessOf(randomUUID()));

describe('PostgreSQL with bad manners', () => {
  const closing: (() => Promise<void>)[] = [];
  const opened = async (options: BillingOptions): Promise<BillingClient> => {
    const client = await connectBilling(options);
    closing.push(() => client.close());
    return client;
  };
  const linked = async () => {
    const link = await cuttableLink();
    closing.push(() => link.close());
    return link;
  };
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  const observe = (facts: readonly OwedFact[]) =>
    billing.facets
      .get('billing.subscription')
      ?.observe({ key: volumeIdOf((facts[0] as OwedFact).resource) }, AbortSignal.timeout(20_000));

  it('says that nothing happened when nobody listens, and never what the password is', async () => {
    const away = await opened({
      url: 'postgresql://plumbline:hush-hush@127.0.0.1:1/plumbline',
      poolSize: 1,
      deadlines,
    });
    const failure: unknown = await away.record(historyOf([1])).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TransientError);
    expect(describeChain(failure)).not.toContain('hush-hush');
    const misspelt = connectBilling({ url: 'postgresql:/plumbline:hush-hush@[::', poolSize: 1, deadlines });
    expect(describeChain(await misspelt.catch((error: unknown) => error))).not.toContain('hush-hush');
    await expect(misspelt).rejects.toBeInstanceOf(TypeError);
  });

  it('is uncertain when the answer to the commit is lost, and the repetition changes nothing', async () => {
    const link = await linked();
    const through = await opened({ url: link.url, schema, poolSize: 1, deadlines });
    const facts = historyOf([10, 20]);
    await through.ping(AbortSignal.timeout(20_000));
    link.cutAtNextAnswer();
    await expect(through.record(facts)).rejects.toBeInstanceOf(UncertainError);
    expect(await observe(facts)).toMatchObject({ sizeGib: 20 });
    await through.record(facts);
    expect(await intervalsOf(volumeIdOf((facts[0] as OwedFact).resource))).toHaveLength(2);
  });

  it('ends at its deadline when the server is silent, and serves the next call over a new connection', async () => {
    const link = await linked();
    const short = { connectMs: 5_000, statementMs: 300 };
    const through = await opened({ url: link.url, schema, poolSize: 1, deadlines: short });
    await through.ping(AbortSignal.timeout(20_000));
    link.silence(true);
    await expect(through.record(historyOf([1]))).rejects.toBeInstanceOf(UncertainError);
    link.silence(false);
    await through.ping(AbortSignal.timeout(20_000));
  });

  it('gives up waiting for a lock with nothing written', async () => {
    const impatient = await opened({
      url,
      schema,
      poolSize: 1,
      deadlines: { connectMs: 5_000, statementMs: 300 },
    });
    const facts = historyOf([10, 20]);
    await billing.record(facts.slice(0, 1));
    await outside.query('begin');
    await outside.query(`select from ${schema}.subscriptions where volume_id = $1 for update`, [
      volumeIdOf((facts[0] as OwedFact).resource),
    ]);
    await expect(impatient.record(facts)).rejects.toBeInstanceOf(TransientError);
    await outside.query('rollback');
    expect(await observe(facts)).toMatchObject({ sizeGib: 10 });
  });

  it('survives its connections being ended by the server, idle ones and new ones', async () => {
    await billing.ping(AbortSignal.timeout(20_000));
    await outside.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'plumbline' and pid <> pg_backend_pid()`,
    );
    const facts = historyOf([3]);
    const isClassified = (error: unknown): void => expect(error).toBeInstanceOf(EngineError);
    for (let idle = 0; idle < POOL_SIZE; idle += 1) await billing.record(facts).catch(isClassified);
    await billing.record(facts);
    expect(await observe(facts)).toMatchObject({ sizeGib: 3 });
  });

  it('waits for a schema that nobody has made yet, instead of giving facts up', async () => {
    const early = await opened({ url, schema: `${schema}_none`, poolSize: 1, deadlines });
    await expect(early.record(historyOf([1]))).rejects.toMatchObject({ reason: 'postgres-not-migrated' });
  });
});

/** Everything a logger would print of an error. */
function describeChain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [error.stack, JSON.stringify(error), describeChain(error.cause)].join('\n');
}

/** A link to the database that can swallow its answers. */
async function cuttableLink() {
  const target = new URL(url);
  const open = new Set<Socket>();
  let cutting = false;
  let silent = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port || '5432'), target.hostname);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [near, far].forEach((other) => other.destroy()));
    }
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      if (cutting) {
        cutting = false;
        near.destroy();
      } else if (!silent) near.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const here = new URL(url);
  here.hostname = '127.0.0.1';
  here.port = String((server.address() as AddressInfo).port);
  return {
    url: here.toString(),
    cutAtNextAnswer: () => void (cutting = true),
    silence: (on: boolean) => void (silent = on),
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
