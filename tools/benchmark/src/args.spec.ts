import { readSettings } from './args.js';

const read = (...argv: string[]) => readSettings(argv, '/here');

describe('the command line', () => {
  it('measures everything unless told what, in an order of its own', () => {
    expect(read().operations).toEqual(['create', 'get', 'resize', 'delete', 'list']);
    expect(read('delete', 'create').operations).toEqual(['create', 'delete']);
  });

  it('kills nothing unless told to, and how often', () => {
    expect(read('recovery', '--kills', '8')).toMatchObject({ operations: ['recovery'], kills: 8 });
    expect(read('takeover').operations).toEqual(['takeover']);
    expect(read('--quick', 'recovery').kills).toBeLessThan(read('recovery').kills);
  });

  it('takes numbers over those of the quick mode, and paths from where the person stands', () => {
    expect(read('--quick', '--clients', '3', '--json', 'a.json', '--stack', '/there')).toMatchObject({
      ...{ clients: 3, quick: true, json: '/here/a.json', stack: '/there' },
      listed: read('--quick').listed,
    });
    expect(read().clients).toBe(32);
  });

  it.each([
    [['fly'], 'nothing to measure called "fly"'],
    [['--clients', '0'], '--clients must be a whole number from 1'],
    [['--seconds', '1.5'], '--seconds must be a whole number'],
    [['--volumes', '999999'], '--volumes must be a whole number'],
    [['--loud'], 'see tools/bench --help'],
  ])('refuses %j with a sentence', (argv, sentence) => {
    expect(() => read(...argv)).toThrow(sentence);
  });
});
