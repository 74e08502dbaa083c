import { facetsIn } from '@plumbline/domain';
import { AstrayRecords } from '@plumbline/registry';
import * as facets from '@plumbline/registry-facets';
import { createFakeRegistry } from '@plumbline/testing';
import { registrySources } from '../src/registry-sources.js';

it('the registry is looked at for each facet that it has', async () => {
  const registry = await createFakeRegistry();
  const names = registrySources(registry, new AstrayRecords()).map(({ facet }) => facet.name);
  const has = facetsIn(facets).map(({ name }) => name);
  expect(has.length).toBeGreaterThan(0);
  expect([...names].sort()).toEqual([...has].sort());
});
