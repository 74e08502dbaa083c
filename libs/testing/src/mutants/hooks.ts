import type { InitializeHook, LoadHook } from 'node:module';
import type { Overlay } from './overlay.js';

/** Node's module hooks, in a thread of their own: they put a mutant's modules in the place of the built ones. */
let overlay: Overlay = {};

export const initialize: InitializeHook<Overlay> = (given) => {
  overlay = given;
};

export const load: LoadHook = (url, context, nextLoad) => {
  const source = overlay[url];
  return source === undefined ? nextLoad(url, context) : { format: 'module', shortCircuit: true, source };
};
