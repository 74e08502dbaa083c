import { readWish, workersMax } from './scale.js';

describe('tools/scale', () => {
  it('reads an app and a number', () => {
    expect(readWish('ceph-worker=3')).toMatchObject({ service: { app: 'ceph-worker' }, count: 3 });
  });

  it.each([
    'ceph-worker',
    'ceph-worker=',
    'ceph-worker=-1',
    'ceph-worker=1.5',
    `ceph-worker=${workersMax + 1}`,
    'nobody=2',
  ])('refuses %s', (word) => {
    expect(() => readWish(word)).toThrow(word);
  });

  it('does not scale what can only be there once', () => {
    expect(() => readWish('api=2')).toThrow('can be scaled');
    expect(() => readWish('qemu-worker=2')).toThrow('can be scaled');
  });
});
