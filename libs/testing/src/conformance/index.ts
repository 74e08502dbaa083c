export { describeFacet } from './describe-facet.js';
export { describeWitness } from './describe-witness.js';
