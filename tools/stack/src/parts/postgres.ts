import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { isWhole, markWhole } from '../marks.js';
import { ensureProcess, isUp, type Started } from '../processes.js';
import { run } from '../run.js';
import { ensureSecret, writeSecret } from '../secrets.js';
import { saveState, type Stack } from '../state.js';
import { waitFor } from '../wait.js';

interface Owner {
  uid?: number;
  gid?: number;
}

/** PostgreSQL refuses to run as root; as anybody else it runs as that user. */
async function ownerOf(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])]);
  return { uid: Number(uid), gid: Number(gid) };
}

export async function startPostgres(stack: Stack): Promise<Started> {
  const bin = binaries();
  const owner = await ownerOf();
  const dir = await dataDir(stack, owner);
  if (!isWhole(dir)) await initialise(stack, dir, bin, owner);
  if (!isUp(stack, 'postgres')) await clearDeadLock(join(dir, 'db'));
  const port = stack.state.ports['postgres']!;
  const version = /([\d.]+)/.exec(await run(join(bin, 'postgres'), ['--version']))?.[1] ?? '?';
  const how = await ensureProcess(stack, {
    name: 'postgres',
    app: 'postgres',
    command: join(bin, 'postgres'),
    args: ['-D', join(dir, 'db'), ...settings(stack, port)],
    ...owner,
    port,
    version,
    ready: () => run(join(bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]).then(() => true),
  });
  await ensureDatabase(stack, port);
  return how;
}

/**
 * PostgreSQL takes its lock file for alive while its old pid is a zombie or has been given to somebody else. So the
 * file goes when no process works in the data folder: those of a killed server leave it a moment later by themselves.
 */
async function clearDeadLock(db: string): Promise<void> {
  const lock = join(db, 'postmaster.pid');
  if (!existsSync(lock)) return;
  await waitFor(() => !isWorkedIn(db), { what: `the old PostgreSQL to leave ${db}`, deadlineMs: 20_000 });
  rmSync(lock, { force: true });
}

function isWorkedIn(folder: string): boolean {
  const real = realpathSync(folder);
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.some((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === real;
    } catch {
      return false;
    }
  });
}

function settings({ state }: Stack, port: number): string[] {
  const chosen = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_buffers: '32MB',
    ...(state.ephemeral ? { fsync: 'off' } : {}),
  };
  return Object.entries(chosen).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function binaries(): string {
  const base = '/usr/lib/postgresql';
  const newest = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a))[0] : undefined;
  if (!newest) throw new StackError('PostgreSQL is not installed (Debian package postgresql)');
  return join(base, newest, 'bin');
}

/**
 * The data folder, or a fresh folder elsewhere when PostgreSQL's user cannot reach it, as in a clone under root's
 * home. Where that is, is remembered.
 */
async function dataDir(stack: Stack, owner: Owner): Promise<string> {
  const { state, layout } = stack;
  if (state.postgresDir && existsSync(state.postgresDir)) return state.postgresDir;
  const usual = join(layout.data, 'postgres');
  const reachable = await run('test', ['-x', layout.data], owner).then(
    () => true,
    () => false,
  );
  state.postgresDir = reachable ? usual : mkdtempSync('/var/tmp/plumbline-postgres-');
  saveState(stack);
  return state.postgresDir;
}

async function initialise(stack: Stack, dir: string, bin: string, owner: Owner): Promise<void> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
  const password = join(dir, 'password');
  writeFileSync(password, ensureSecret(stack, 'postgres-admin'), { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) {
    for (const path of [dir, password]) chownSync(path, owner.uid, owner.gid);
  }
  const args = ['-D', join(dir, 'db'), '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', password];
  const nosync = stack.state.ephemeral ? ['--no-sync'] : [];
  await run(join(bin, 'initdb'), [...args, '-E', 'UTF8', '--locale', 'C.UTF-8', ...nosync], owner);
  rmSync(password);
  markWhole(dir);
}

/**
 * The database, its owner, and a role that only reads, for the scrubber and for whoever looks from outside. Repeated
 * at every start, because a crash may have come in between.
 */
async function ensureDatabase(stack: Stack, port: number): Promise<void> {
  const password = ensureSecret(stack, 'postgres-password');
  const reader = ensureSecret(stack, 'postgres-reader');
  const role = (name: string, secret: string) => `
    SELECT 'CREATE ROLE ${name} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${name}') \\gexec
    ALTER ROLE ${name} PASSWORD '${secret}';`;
  const input = `
    ${role('plumbline', password)}
    ${role('plumbline_reader', reader)}
    GRANT pg_read_all_data TO plumbline_reader;
    SELECT 'CREATE DATABASE plumbline OWNER plumbline'
      WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'plumbline') \\gexec
  `;
  const admin = ensureSecret(stack, 'postgres-admin');
  const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
  await run('psql', [...args, '-d', 'postgres'], {
    input,
    env: {
      PATH: process.env['PATH'],
      PGPASSWORD: admin,
      PGOPTIONS: '-c client_min_messages=warning -c log_min_error_statement=panic',
    },
  });
  writeSecret(stack, 'database-url', `postgresql://plumbline:${password}@127.0.0.1:${port}/plumbline`);
  writeSecret(
    stack,
    'database-url-reader',
    `postgresql://plumbline_reader:${reader}@127.0.0.1:${port}/plumbline`,
  );
}
