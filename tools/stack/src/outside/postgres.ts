import { run } from '../run.js';

const deadlineMs = 5_000;

/** Asks PostgreSQL through its own `psql`; the password goes by the environment, which only the user can read. */
export async function query<T extends object>(databaseUrl: string, sql: string): Promise<T[]> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const args = ['-X', '-q', '-A', '-t', '-h', hostname, '-p', port, '-U', username, '-d', pathname.slice(1)];
  const output = await run('psql', [...args, '-v', 'ON_ERROR_STOP=1'], {
    input: `SELECT coalesce(json_agg(row), '[]') FROM (${sql}) AS row;\n`,
    env: { PATH: process.env['PATH'], PGPASSWORD: decodeURIComponent(password), PGCONNECT_TIMEOUT: '3' },
    timeoutMs: deadlineMs,
  });
  return JSON.parse(output) as T[];
}
