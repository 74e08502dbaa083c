import { TransientError } from '@plumbline/domain';
import { createLog, nestLogger } from './log.js';

function lines(level = 'debug') {
  const written: string[] = [];
  const log = createLog({ name: 'api', level, to: { write: (line) => void written.push(line) } });
  return { log, written, last: () => JSON.parse(written.at(-1) ?? '{}') as Record<string, unknown> };
}

describe('log', () => {
  it('keeps secrets out wherever they stand', () => {
    const { log, written, last } = lines();
    const request = {
      headers: { authorization: 'Bearer hunter2', accept: '*/*' },
      body: [{ apiKey: 'hunter2', password: 'hunter2' }],
    };
    log.info({ token: 'hunter2', request, opsToken: 'hunter2' }, 'request');
    log.child({ secret: 'hunter2' }).info('child');
    log.error(new Error('connecting to redis://default:hunter2@127.0.0.1:1 failed'));
    expect(written).toHaveLength(3);
    expect(written.join()).not.toContain('hunter2');
    expect(last()).toMatchObject({ err: { message: expect.stringContaining('127.0.0.1:1 failed') } });
    expect(request.headers.authorization).toBe('Bearer hunter2');
  });

  it('shows the whole chain of causes, with their codes', () => {
    const { log, last } = lines();
    const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    const cause = new Error('connecting to Consul failed', { cause: new AggregateError([refused]) });
    log.warn({ err: new TransientError('reading the lane', { reason: 'consul-down', cause }) }, 'try failed');
    expect(last()).toMatchObject({
      level: 'warn',
      msg: 'try failed',
      err: {
        type: 'TransientError',
        reason: 'consul-down',
        causes: [{ message: 'connecting to Consul failed' }, {}, { code: 'ECONNREFUSED' }],
      },
    });
  });

  it('survives an error that is its own cause', () => {
    const { log, last } = lines();
    const error = new Error('round');
    error.cause = error;
    log.error({ err: error }, 'failed');
    expect(last()).toMatchObject({ err: { message: 'round' } });
  });

  it('passes on what Nest says', () => {
    const { log, last, written } = lines('info');
    const nest = nestLogger(log);
    nest.log('Mapped {/v2}', 'Router');
    expect(written).toHaveLength(0);
    nest.error(new Error('no provider'), 'Injector');
    expect(last()).toMatchObject({ msg: 'no provider', context: 'Injector', err: { type: 'Error' } });
  });
});
