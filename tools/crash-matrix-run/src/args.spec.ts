import { readSettings } from './args.js';

const read = (words: string, commit = 'ab12cd34ef') =>
  readSettings(words.split(' '), { commit, from: '/from' });

describe('the command line', () => {
  it('names a part, or lets the commit name it', () => {
    expect(read('--part 2/3 --json out.json')).toEqual({
      part: { part: 2, of: 3 },
      only: null,
      json: '/from/out.json',
      logs: null,
    });
    const parts = ['00000000', '00000001', '00000002', '00000003ff'].map(
      (commit) => read('--part commit/3', commit).part.part,
    );
    expect(parts).toEqual([1, 2, 3, 1]);
  });

  it.each(['--part 4/3', '--part 0/3', '--part commit/0', '--part x', '--parts 1/3'])(
    'refuses %s',
    (words) => {
      expect(() => read(words)).toThrow('see tools/crash-matrix --help');
    },
  );
});
