export { describeFacet } from './describe-facet.js';
export { describeWitness } from './describe-witness.js';
export { standStill } from './stand-still.js';
