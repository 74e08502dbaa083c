/**
 * Loaded into the product's processes before anything of theirs (by `--import`, from outside): their wall clock is ahead
 * by what a file says, in milliseconds. Timers and the monotonic clock stay as they are, as when a machine's clock is set.
 */
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 250;
const file = process.env['SOAK_CLOCK_FILE'];
const RealDate = Date;
const realNow = Date.now.bind(Date);
let aheadMs = 0;

function look(): void {
  try {
    aheadMs = Number(readFileSync(file ?? '', 'utf8')) || 0;
  } catch {
    aheadMs = 0;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
  const ahead = () => realNow() + aheadMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [ahead()] : args, newTarget) as Date,
    apply: () => new RealDate(ahead()).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? ahead : (Reflect.get(target, name, receiver) as unknown),
  });
}
