import { readArguments } from './args.js';
import { StackError } from './errors.js';

const read = (...argv: string[]) => readArguments(argv, undefined, '/somewhere');

describe('the command line', () => {
  it('finds the data folder from where the person stands, then from the environment, then in the project', () => {
    expect(read('up', '--data', 'mine').data).toBe('/somewhere/mine');
    expect(readArguments(['up'], '/else', '/somewhere').data).toBe('/else');
    expect(readArguments(['up', '--data', '/d'], '/else', '/somewhere').data).toBe('/d');
    expect(read('up').data).toMatch(/\/\.plumbline\/stack$/);
  });

  it('gives a throw-away stack a folder of its own, so that kept data are never touched', () => {
    expect(read('up', '--ephemeral').data).not.toBe(read('up').data);
    expect(read('down', '--ephemeral').data).toBe(read('up', '--ephemeral').data);
  });

  it.each([
    ['an unknown command', ['upp']],
    ['an unknown option', ['up', '--fast']],
    ['an option of another command', ['up', '--purge']],
    ['a word where none belongs', ['down', 'ceph-worker']],
    ['--data without a folder', ['up', '--data']],
  ])('refuses %s in words', (_what, argv) => {
    expect(() => read(...argv)).toThrow(StackError);
  });

  it('passes on the app to show and the numbers to scale to', () => {
    expect(read('logs', 'api', '--follow')).toMatchObject({ words: ['api'], follow: true });
    expect(read('scale', 'ceph-worker=3', 'billing-worker=2').words).toEqual([
      'ceph-worker=3',
      'billing-worker=2',
    ]);
  });
});
