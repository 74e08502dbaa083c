import { randomBytes } from 'node:crypto';
import { StackError } from '../errors.js';
import { connectInTurn } from './one-client.js';

const answerMaxBytes = 1024 * 1024;

/**
 * Types one command on a guest's serial line and reads what it prints. The line serves one client at a time, so a
 * caller behind another one waits, up to the deadline.
 */
export async function askGuest(serial: string, command: string, deadlineMs = 10_000): Promise<string> {
  const mark = randomBytes(6).toString('hex');
  const { socket, leftMs } = await connectInTurn(serial, deadlineMs);
  return new Promise((done, fail) => {
    let text = '';
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const refuse = (why: string, cause?: unknown) =>
      end(() => fail(new StackError(`the guest at ${serial} ${why}`, { cause })));
    const timer = setTimeout(() => refuse(`did not answer within ${deadlineMs} ms`), leftMs);
    socket.once('error', (cause) => refuse('cannot be reached', cause));
    socket.once('close', () => refuse('hung up'));
    // Ctrl-C first: what an earlier client left half typed, an open quote above all, would swallow this command. And
    // written in two halves, the marks cannot be met in an echo of the command itself.
    socket.write(`\x03\necho "<${mark}"":"; ${command}\necho ":""${mark}>$?"\n`);
    socket.on('data', (data: Buffer) => {
      text = (text + data.toString('utf8')).slice(-answerMaxBytes);
      const answer = answerIn(text, mark);
      if (answer === undefined) return;
      if (answer.status === 0) end(() => done(answer.output));
      else
        end(() =>
          fail(new StackError(`in the guest, "${command}" ended with ${answer.status}: ${answer.output}`)),
        );
    });
  });
}

export function answerIn(text: string, mark: string): { output: string; status: number } | undefined {
  const match = new RegExp(`<${mark}:\\r?\\n([\\s\\S]*?):${mark}>(\\d+)`).exec(text);
  if (!match) return undefined;
  return { output: match[1]!.replaceAll('\r', '').trimEnd(), status: Number(match[2]) };
}

/** Long enough for a guest on a busy machine: a probe that gives up too soon never hears an answer. */
const bootAnswerMs = 4_000;

export async function guestAnswers(serial: string): Promise<boolean> {
  return (await askGuest(serial, 'echo awake', bootAnswerMs)) === 'awake';
}

export interface GuestDisk {
  name: string;
  sizeGib: number;
  /** What the disk says of itself on its identification page, printable characters only. */
  identity: string;
}

const sectorBytes = 512;

/** The disks that the guest sees, from its own /sys/block. */
export async function guestDisks(serial: string): Promise<GuestDisk[]> {
  const each = `echo "$d $(cat /sys/block/$d/size) $(tr -cd 'A-Za-z0-9_-' </sys/block/$d/device/vpd_pg83)"`;
  const text = await askGuest(serial, `for d in $(ls /sys/block | grep '^sd'); do ${each}; done`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', sectors = '0', identity = ''] = line.split(' ');
      return { name, sizeGib: (Number(sectors) * sectorBytes) / 1024 ** 3, identity };
    });
}
