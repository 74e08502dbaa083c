import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export interface Program {
  /** The module that is run, as an address. */
  readonly module: URL;
  readonly nodeArgs?: readonly string[];
  readonly args: readonly string[];
  readonly msMax: number;
  /** Given what it says of how far it is. */
  readonly told?: (text: string) => void;
}

/** Runs a module in a process of its own and returns what it wrote. @throws Error when it ended badly, or not in time */
export function inProcess({ module, nodeArgs = [], args, msMax, told }: Program): Promise<string> {
  const bounds = { timeout: msMax, killSignal: 'SIGKILL' as const, maxBuffer: OUTPUT_BYTES_MAX };
  const command = [...nodeArgs, '--no-warnings', fileURLToPath(module), ...args];
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, command, bounds, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.killed === true) reject(new Error(`did not end within ${msMax / 1000} s`));
      else reject(new Error(`ended badly: ${stderr}`));
    });
    if (told !== undefined) child.stderr?.on('data', told);
  });
}
