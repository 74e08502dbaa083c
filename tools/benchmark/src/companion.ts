/** Processes beside the benchmark's own, each asked one thing at a time over a pipe, so that no secret is in an argument. */
import { fork, type ChildProcess } from 'node:child_process';
import { StackError } from '@plumbline/stack';

type Reply<Result> = { readonly result: Result } | { readonly error: string };

/** In the companion: answers each wish, and ends when whoever asks has gone. */
export function serve<Wish, Result>(grant: (wish: Wish) => Promise<Result>): void {
  process.on('message', (wish: Wish) => {
    grant(wish).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
}

export class Companion<Wish extends object, Result> {
  private readonly child: ChildProcess;

  constructor(
    private readonly name: string,
    module: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.child = fork(new URL(module, import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...environment },
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ask(wish: Wish): Promise<Result> {
    const reply = await new Promise<Reply<Result>>((resolve, reject) => {
      const died = (code: number | null, signal: string | null) =>
        reject(new StackError(`the ${this.name} process ended with ${code ?? signal}`));
      this.child.once('exit', died);
      this.child.once('message', (message) => {
        this.child.removeListener('exit', died);
        resolve(message as Reply<Result>);
      });
      this.child.send(wish);
    });
    if ('error' in reply) throw new StackError(`the ${this.name} process: ${reply.error}`);
    return reply.result;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.disconnect();
    await gone;
  }
}
