import fc from 'fast-check';
import { choosePorts } from './ports.js';

const names = ['redis', 'consul', 'postgres'];
const allFree = () => Promise.resolve(true);

describe('the ports of a stack', () => {
  it('stay as remembered while nobody else has taken them', async () => {
    const remembered = { redis: 20_007, consul: 25_000, postgres: 31_000 };
    expect(await choosePorts({ names, remembered, held: new Set(), start: 5 }, allFree)).toEqual(remembered);
  });

  it('stay as remembered where a living process of the stack listens, although they are not free', async () => {
    const remembered = { redis: 20_007, consul: 25_000 };
    const free = (port: number) => Promise.resolve(port !== 20_007);
    const chosen = await choosePorts({ names, remembered, held: new Set([20_007]), start: 5 }, free);
    expect(chosen).toMatchObject(remembered);
  });

  it('are chosen anew, and only those, that a stranger has taken', async () => {
    const remembered = { redis: 20_007, consul: 25_000, postgres: 31_000 };
    const free = (port: number) => Promise.resolve(port !== 25_000);
    const { consul, ...others } = await choosePorts({ names, remembered, held: new Set(), start: 5 }, free);
    expect(others).toEqual({ redis: 20_007, postgres: 31_000 });
    expect(consul).not.toBe(25_000);
  });

  it('are never given twice, nor to a port that is taken', async () => {
    const someTaken = fc.uniqueArray(fc.integer({ min: 20_000, max: 20_120 }), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(
        someTaken,
        fc.nat(2 ** 32),
        fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 20_000, max: 20_050 })),
        async (taken, start, remembered) => {
          const free = (port: number) => Promise.resolve(!taken.includes(port));
          const ports = Object.values(await choosePorts({ names, remembered, held: new Set(), start }, free));
          expect(new Set(ports).size).toBe(names.length);
          expect(ports.some((port) => taken.includes(port))).toBe(false);
        },
      ),
    );
  });
});
