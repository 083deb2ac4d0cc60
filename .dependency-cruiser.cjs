/** Who may import whom (ARCHITECTURE.md, "Anatomy of a service"). scripts/import-rules.test.ts breaks each rule once. */

const TESTS = '\\.test\\.ts$'
/** Code that only tests use, beside what it tests. */
const TESTING = '/(testing|test-[a-z-]+|sample-[a-z-]+)\\.ts$'
const OWN = '^(packages|services|apps|sandboxes|demo|tests|bench|scripts)/'

const forbidden = [
  {
    name: 'no-cycles',
    comment: 'Of two files that import each other neither can be loaded first. Types are gone by then.',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    comment: 'An import that leads nowhere escapes every other rule.',
    from: { path: OWN, pathNot: '/\\.astro/' },
    to: { couldNotResolve: true, pathNot: '^astro:' },
  },
  {
    name: 'kernel-without-io',
    comment: 'Money, ids and actors are values: no files, no network, no timers; randomness and hashes only.',
    from: { path: '^packages/kernel/', pathNot: TESTS },
    to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
  },
  {
    name: 'kernel-below-all',
    comment: 'Everything stands on the kernel; it stands on zod alone.',
    from: { path: '^packages/kernel/', pathNot: TESTS },
    to: { path: ['^node_modules/(?!zod/)', OWN], pathNot: '^packages/kernel/' },
  },
  {
    name: 'packages-below-services',
    comment: 'A package that knows a service or an app is part of it.',
    from: { path: '^packages/' },
    to: { path: '^(services|apps|sandboxes|demo|tests|bench)/' },
  },
  {
    name: 'contract-at-the-bottom',
    comment:
      'Other services, the gateway and the storefront import contracts: they must not bring code along.',
    from: { path: '^services/([^/]+)/src/contract\\.ts$' },
    to: { path: ['^services/$1/', '^packages/postgres/'] },
  },
  {
    name: 'domain-is-pure',
    comment: 'Rules are told everything and answer: no SQL, no call, no clock, no file.',
    from: { path: '^services/([^/]+)/src/domain\\.ts$' },
    to: {
      path: [
        '/(service|store)\\.ts$',
        '-store\\.ts$',
        '^packages/(postgres|rpc|events)/',
        '^node_modules/(?!zod/)',
      ],
    },
  },
  {
    name: 'domain-reaches-no-database',
    comment: 'Nor by way of a file in between.',
    from: { path: '^services/[^/]+/src/domain\\.ts$' },
    to: { path: '^packages/postgres/', reachable: true },
  },
  {
    name: 'domain-without-io',
    comment: 'As domain-is-pure, for what Node brings.',
    from: { path: '^services/[^/]+/src/domain\\.ts$' },
    to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
  },
  {
    name: 'service-on-top',
    comment: 'service → {domain, store} → contract → kernel, one way.',
    from: { path: '^services/([^/]+)/src/', pathNot: [TESTS, TESTING] },
    to: { path: '^services/$1/src/service\\.ts$' },
  },
  {
    name: 'other-service-by-contract',
    comment: 'Behind its contract a service may run in another process, on another database.',
    from: { path: '^services/([^/]+)/' },
    to: { path: '^services/', pathNot: ['^services/$1/', '^services/[^/]+/src/contract\\.ts$'] },
  },
  {
    name: 'only-platform-starts-services',
    comment: 'One place decides what runs where; everybody else has contracts.',
    from: { path: OWN, pathNot: ['^(services|apps/platform|tests|bench)/', TESTS] },
    to: { path: '^services/', pathNot: '^services/[^/]+/src/contract\\.ts$' },
  },
  {
    name: 'platform-by-service-entry',
    comment: 'The platform, the tests and the benches start a service by its entry, not by its parts.',
    from: { path: ['^(apps/platform|tests|bench)/', `^apps/.*${TESTS}`] },
    to: { path: '^services/', pathNot: '^services/[^/]+/src/(contract|service)\\.ts$' },
  },
  {
    name: 'apps-apart',
    comment: 'The platform puts the apps together; the cli and the storefront know the public API alone.',
    from: { path: '^apps/([^/]+)/', pathNot: ['^apps/platform/', TESTS] },
    to: { path: '^apps/', pathNot: ['^apps/$1/', '^apps/gateway/src/store-contract\\.ts$'] },
  },
  {
    name: 'storefront-types-only',
    comment: 'Of services and the gateway the storefront has the types: its bundle must hold no second copy.',
    from: { path: '^apps/storefront/' },
    to: { path: '^(services|apps/gateway)/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'storefront-talks-to-gateway',
    comment: 'It reaches no database and no service past the gateway.',
    from: { path: '^apps/storefront/' },
    to: { path: '^packages/(?!kernel/|rpc/src/contract\\.ts)' },
  },
  {
    name: 'sandboxes-alone',
    comment: 'A stand-in that shares our code shares our mistakes.',
    from: { path: '^sandboxes/([^/]+)/' },
    to: { path: OWN, pathNot: '^sandboxes/$1/' },
  },
  {
    name: 'tests-stay-out',
    comment: 'What runs in a shop imports no test and nothing made for tests.',
    from: { path: '^(packages|services|apps|sandboxes|demo)/', pathNot: [TESTS, TESTING] },
    to: { path: [TESTS, TESTING, '^(tests|bench|scripts)/'] },
  },
]

module.exports = {
  forbidden: forbidden.map(rule => ({ severity: 'error', ...rule })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.astro)/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
