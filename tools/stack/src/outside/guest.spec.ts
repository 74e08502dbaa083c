import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { answerIn, askGuest } from './guest.js';

describe('what a guest answers', () => {
  it('is what stands between the marks, without the echo of the command around it', () => {
    const text = '# echo "<abc"":"; uname\r\n<abc:\r\nLinux\r\n:abc>0\r\n# ';
    expect(answerIn(text, 'abc')).toEqual({ output: 'Linux', status: 0 });
  });

  it('is not there before its end is', () => {
    expect(answerIn('<abc:\r\nLin', 'abc')).toBeUndefined();
    expect(answerIn('<abc:\r\nLinux\r\n:abc>', 'abc')).toBeUndefined();
  });

  describe('on a line that never answers', () => {
    let folder: string;
    let server: Server;
    beforeEach(async () => {
      folder = mkdtempSync('/tmp/plumb-test-');
      server = createServer((socket) => socket.resume().on('error', () => undefined));
      await new Promise<void>((done) => server.listen(join(folder, 'serial'), done));
    });
    afterEach(() => {
      server.close();
      rmSync(folder, { recursive: true });
    });

    it('ends at the deadline', async () => {
      await expect(askGuest(join(folder, 'serial'), 'uname', 50)).rejects.toThrow('did not answer');
    });
  });
});
