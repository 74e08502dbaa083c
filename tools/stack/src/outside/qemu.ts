import { StackError } from '../errors.js';
import { connectInTurn } from './one-client.js';

interface Message {
  QMP?: unknown;
  return?: unknown;
  error?: { class: string; desc: string };
}

/**
 * Asks one question on a VM's second monitor. QEMU greets one client at a time; a caller behind another one waits, up
 * to the deadline.
 */
export async function askQemu<T>(
  monitor: string,
  command: string,
  args?: Record<string, unknown>,
  deadlineMs = 5_000,
): Promise<T> {
  const { socket, leftMs } = await connectInTurn(monitor, deadlineMs);
  return new Promise((done, fail) => {
    const pending = ['qmp_capabilities', command];
    let text = '';
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const refuse = (why: string, cause?: unknown) =>
      end(() => fail(new StackError(`QEMU at ${monitor} ${why}`, { cause })));
    const timer = setTimeout(() => refuse(`did not answer ${command} within ${deadlineMs} ms`), leftMs);
    const sendNext = () => {
      const execute = pending.shift();
      socket.write(JSON.stringify(execute === command && args ? { execute, arguments: args } : { execute }));
    };
    socket.once('error', (cause) => refuse('cannot be reached', cause));
    socket.once('close', () => refuse(`closed before it answered ${command}`));
    socket.on('data', (data: Buffer) => {
      const lines = (text + data.toString('utf8')).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines.filter((each) => each.trim() !== '')) {
        const message = JSON.parse(line) as Message;
        if (message.error) return refuse(`refused ${command}: ${message.error.desc}`);
        if (!message.QMP && message.return === undefined) continue;
        if (pending.length === 0) return end(() => done(message.return as T));
        sendNext();
      }
    });
  });
}

export interface VmDisk {
  /** The device's id, as given when it was added. */
  device: string;
  node: string;
  /** What QEMU says it opened, pool and image among it. */
  file: string;
  sizeGib: number;
}

interface QueriedBlock {
  qdev?: string;
  device: string;
  inserted?: { 'node-name'?: string; file: string; image: { 'virtual-size': number } };
}

/** What `query-block` lists: the disks that the VM has right now. */
export async function vmDisks(monitor: string): Promise<VmDisk[]> {
  const blocks = await askQemu<QueriedBlock[]>(monitor, 'query-block');
  return blocks.flatMap(({ qdev, device, inserted }) =>
    inserted
      ? [
          {
            // A device without a qdev id is named by its path in QEMU's tree; its last part is what people gave it.
            device: qdev ?? device,
            node: inserted['node-name'] ?? '',
            file: inserted.file,
            sizeGib: inserted.image['virtual-size'] / 1024 ** 3,
          },
        ]
      : [],
  );
}
