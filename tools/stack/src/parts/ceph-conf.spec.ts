import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { progressTo } from '../progress.js';
import { openStack } from '../state.js';
import { cephConfText } from './ceph-conf.js';

describe("a stack's ceph.conf", () => {
  it('gives each daemon ports of its own, so that none comes back at an address where another is looked for', () => {
    const data = mkdtempSync(join(tmpdir(), 'plumbline-ceph-conf-'));
    const stack = openStack(
      data,
      { ephemeral: true },
      progressTo(() => undefined),
    );
    stack.state.ceph = { fsid: 'f', osdUuid: 'o', monPort: 20_001 };
    stack.state.ports = { 'ceph-mon': 20_001 };
    const text = cephConfText(stack);
    rmSync(stack.state.sockets, { recursive: true });
    rmSync(data, { recursive: true });
    const [osd, mgr] = ['osd', 'mgr'].map((daemon) => portsOf(text, daemon));
    expect(osd).toHaveLength(20);
    expect(mgr).toHaveLength(20);
    expect(osd!.filter((port) => mgr!.includes(port) || port === 20_001)).toEqual([]);
  });
});

function portsOf(text: string, daemon: string): number[] {
  const section = text.split(`\n[${daemon}]\n`)[1]!.split('\n[')[0]!;
  const [least, most] = ['min', 'max'].map((end) =>
    Number(new RegExp(`^ms_bind_port_${end} = (\\d+)$`, 'm').exec(section)?.[1]),
  );
  return Array.from({ length: most! - least! + 1 || 0 }, (_, n) => least! + n);
}
