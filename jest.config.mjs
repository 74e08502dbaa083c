/** Unit tests need nothing but Node; conformance and e2e tests need a stack (`./tools/test` starts one). */
const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/', '/.plumbline/'],
  testEnvironmentOptions: { customExportConditions: ['@plumbline/source', 'node', 'default'] },
};
export default {
  // For machines that are busy with other things. Tests wait for states, so a quick one stays quick. Jest reads this only here.
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{apps,libs,tools}/**/*.spec.{ts,mjs}'],
      testPathIgnorePatterns: ['/node_modules/', '\\.conformance\\.spec\\.ts$', '\\.e2e-spec\\.ts$'],
    },
    { ...shared, displayName: 'conformance', testMatch: ['<rootDir>/libs/**/*.conformance.spec.ts'] },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/apps/*/test/**/*.e2e-spec.ts', '<rootDir>/tools/*/test/**/*.e2e-spec.ts'],
    },
  ],
};
