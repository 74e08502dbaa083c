import { UncertainError } from '@plumbline/domain';
import type { Clock, EngineContext, Rules } from '@plumbline/engine';
import { intentCatalog } from '@plumbline/intents';
import { newNonce, newUuid } from '@plumbline/platform';
import type { Process } from './process.js';

/** The engine's ports, as a process has them. */
export function engineContext(process: Process): EngineContext {
  const { journal, bell, log } = process;
  return {
    journal,
    bell,
    log,
    rules: rulesOf(process),
    clock: clockOf(process),
    uuid: newUuid,
    nonce: newNonce,
    random: Math.random,
  };
}

function rulesOf({ config }: Process): Rules {
  return { catalog: intentCatalog, regions: config.regions };
}

function clockOf({ registry }: Process): Clock {
  return {
    now: () => registry.boots.registryNow(),
    trusted: () => registry.boots.clockTrusted() && registry.boots.isBeating(),
    deadline(ms) {
      const controller = new AbortController();
      const timer = setTimeout(() => {
        controller.abort(new UncertainError(`no answer within ${ms} ms`, { reason: 'deadline' }));
      }, ms);
      return { signal: controller.signal, clear: () => clearTimeout(timer) };
    },
  };
}
