import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';

/** What a process of the product would say that was loaded behind it. */
const program = `
  const ticks = performance.now();
  console.log(JSON.stringify({
    now: Date.now(), made: new Date().getTime(), given: new Date(5).getTime(),
    is: new Date() instanceof Date, ticks,
  }));`;

describe('a wall clock that jumps', () => {
  it.each([0, 3_600_000, -40 * 24 * 3_600_000])('is %s ms ahead, and time itself goes on', (aheadMs) => {
    const folder = mkdtempSync(join(tmpdir(), 'plumbline-clock-'));
    try {
      const file = join(folder, 'clock');
      writeFileSync(file, String(aheadMs));
      const source = readFileSync(join(import.meta.dirname, 'wall-clock.ts'), 'utf8');
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: { module: ts.ModuleKind.ESNext },
      });
      writeFileSync(join(folder, 'wall-clock.mjs'), outputText);
      const before = Date.now();
      const text = execFileSync(
        process.execPath,
        ['--import', join(folder, 'wall-clock.mjs'), '--input-type=module', '-e', program],
        { encoding: 'utf8', env: { SOAK_CLOCK_FILE: file } },
      );
      const said = JSON.parse(text) as Record<string, number | boolean>;
      for (const at of [said['now'], said['made']]) {
        expect(at).toBeGreaterThanOrEqual(before + aheadMs);
        expect(at).toBeLessThanOrEqual(Date.now() + aheadMs);
      }
      expect(said).toMatchObject({ given: 5, is: true });
      expect(said['ticks']).toBeGreaterThanOrEqual(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
