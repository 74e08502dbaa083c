import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureProcess, type Started } from '../processes.js';
import { run } from '../run.js';
import type { Stack } from '../state.js';

/** Redis is a doorbell: `noeviction`, because a ring that is silently dropped is worse than one that is refused. */
export async function startRedis(stack: Stack): Promise<Started> {
  const dir = join(stack.layout.data, 'redis');
  mkdirSync(dir, { recursive: true });
  const port = stack.state.ports['redis']!;
  const version = /v=([\d.]+)/.exec(await run('redis-server', ['--version']))?.[1] ?? '?';
  return ensureProcess(stack, {
    name: 'redis',
    app: 'redis',
    command: 'redis-server',
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
      // Without it Redis writes over its arguments, and nobody could see any more how it was started.
      ...['--set-proc-title', 'no'],
      ...['--appendonly', 'yes', '--save', '', '--maxmemory', '1gb', '--maxmemory-policy', 'noeviction'],
    ],
    port,
    version,
    ready: () => redisAnswers(port),
  });
}

const pingMs = 1_000;

export async function redisAnswers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: pingMs });
    const end = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    // While it reads its log back it answers "-LOADING", which is not ready.
    socket.once('data', (data) => end(data.toString().startsWith('+PONG')));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
