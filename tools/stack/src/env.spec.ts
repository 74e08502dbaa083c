import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { shellAssignments } from './env.js';

/** What an environment variable can hold: no zero byte, no half of a character. */
const isSayable = (text: string) => !text.includes('\0') && Buffer.from(text).toString() === text;

describe('tools/env', () => {
  it('gives the shell, and what the shell starts, exactly the values that it was given', () => {
    const value = fc.string({ unit: 'binary' }).filter(isSayable);
    fc.assert(
      fc.property(value, value, (A, B) => {
        const script = `${shellAssignments({ A, B })}node -p 'JSON.stringify([process.env.A, process.env.B])'`;
        expect(JSON.parse(execFileSync('sh', ['-c', script], { encoding: 'utf8' }))).toEqual([A, B]);
      }),
      {
        numRuns: 15,
        examples: [
          ["it's", '$HOME `id` "\\'],
          ['a\nb', "'"],
        ],
      },
    );
  });

  it('prints nothing that the shell would trip over when there is nothing to say', () => {
    expect(shellAssignments({})).toBe('');
  });
});
