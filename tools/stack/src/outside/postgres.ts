import { run } from '../run.js';

const deadlineMs = 5_000;

/** Asks PostgreSQL through its own `psql`; the password goes by the environment, which only the user can read. */
export async function query<T extends object>(databaseUrl: string, sql: string): Promise<T[]> {
  const output = await psql(
    databaseUrl,
    ['-q', '-A', '-t'],
    `SELECT coalesce(json_agg(row), '[]') FROM (${sql}) AS row`,
  );
  return JSON.parse(output) as T[];
}

/** Has PostgreSQL change something. What it says it did: `UPDATE 1`. */
export async function execute(databaseUrl: string, sql: string): Promise<string> {
  return (await psql(databaseUrl, [], sql)).trim();
}

async function psql(databaseUrl: string, how: readonly string[], sql: string): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const where = ['-h', hostname, '-p', port, '-U', username, '-d', pathname.slice(1)];
  return run('psql', ['-X', ...how, ...where, '-v', 'ON_ERROR_STOP=1'], {
    input: `${sql};\n`,
    env: { PATH: process.env['PATH'], PGPASSWORD: decodeURIComponent(password), PGCONNECT_TIMEOUT: '3' },
    timeoutMs: deadlineMs,
  });
}
