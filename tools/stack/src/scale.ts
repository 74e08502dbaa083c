import { StackError } from './errors.js';
import { startApp } from './parts/apps.js';
import { countOf, processNames, services, type Service } from './services.js';
import { assignPorts } from './start.js';
import { saveState, withLock, type Stack } from './state.js';
import { stopOne } from './stop.js';

export const workersMax = 16;

export interface ScaleWish {
  service: Service;
  count: number;
}

export function readWish(word: string): ScaleWish {
  const [app = '', number = ''] = word.split('=');
  const service = services.find((each) => each.app === app);
  const scalable = services.filter((each) => each.scalable).map((each) => each.app);
  if (!service?.scalable)
    throw new StackError(`"${word}" names no app that can be scaled; these can: ${scalable.join(', ')}`);
  const count = Number(number);
  if (!/^\d+$/.test(number) || count > workersMax)
    throw new StackError(`"${word}" must give a number from 0 to ${workersMax}`);
  return { service, count };
}

/** Starts or ends processes of one service until there are as many as wished; remembered for the next start. */
export async function scale(stack: Stack, { service, count }: ScaleWish): Promise<void> {
  await withLock(stack.layout.data, 'scale', async () => {
    const { state, progress } = stack;
    if (!state.apps) throw new StackError('this stack runs without the apps; ./tools/up starts them');
    const before = processNames(service, countOf(stack, service));
    state.workers[service.app] = count;
    saveState(stack);
    await assignPorts(stack);
    const after = processNames(service, count);
    const surplus = before.filter((name) => !after.includes(name));
    await Promise.all([
      ...after.map((name) =>
        progress.phase(
          name,
          () => startApp(stack, service, name),
          (how) => how,
        ),
      ),
      ...surplus.map((name) =>
        progress.phase(
          name,
          () => stopOne(stack, name),
          () => 'ended',
        ),
      ),
    ]);
    for (const name of surplus) delete state.processes[name];
    saveState(stack);
  });
}
