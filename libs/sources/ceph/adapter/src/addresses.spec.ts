import { InvariantError } from '@plumbline/domain';
import { fenceableAddress, plainAddress } from './addresses.js';

describe('a RADOS address', () => {
  it.each([
    ['127.0.0.1:0/1593717711', '127.0.0.1:0/1593717711'],
    ['v2:127.0.0.1:6800/77', '127.0.0.1:6800/77'],
    ['v1:127.0.0.1:6801/77', '127.0.0.1:6801/77'],
    ['any:10.1.2.3:0/9', '10.1.2.3:0/9'],
    ['[v2:10.1.2.3:3300/9,v1:10.1.2.3:6789/9]', '10.1.2.3:3300/9'],
    ['[fd00::1]:0/5', '[fd00::1]:0/5'],
    ['v2:[fd00::1]:0/5', '[fd00::1]:0/5'],
    ['[v2:[fd00::1]:0/5,v1:[fd00::1]:0/5]', '[fd00::1]:0/5'],
  ])('is the same thing however librados prints it: %s', (printed, plain) => {
    expect(plainAddress(printed)).toBe(plain);
    expect(fenceableAddress(printed)).toBe(plain);
  });

  it.each(['', '127.0.0.1', '127.0.0.1:6800', '10.0.0.0/8', '127.0.0.1:0/0', 'host:0/1', ':0/1', '-:/0'])(
    'is not fenced when it could be more than one client: %s',
    (text) => {
      expect(() => fenceableAddress(text)).toThrow(InvariantError);
    },
  );
});
