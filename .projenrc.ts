import { awscdk, javascript, JsonFile, ReleasableCommits } from 'projen';
import { zones } from './projenrc/rooms';
import { QUICK, REPORTS, REST } from './projenrc/suites';

/** The lowest aws-cdk-lib that this library works with: the first with NODEJS_24_X, and with `IKeyRef` and `IFileSystemRef`. `cdk-versions` proves it. */
const CDK_FLOOR = '2.224.0';
/** The aws-cdk-lib that this library is built and tested with: the lowest that cdk-nag 3 takes. */
const CDK_VERSION = '2.257.0';
/** The lowest constructs that this library works with, and is built with. */
const CONSTRUCTS_VERSION = '10.5.1';

/** Handlers run on nodejs24.x, so this is the Node.js that bundles them, tests them and runs the demo, whatever the host has. */
const NODE_MAJOR = '24';

const SDK_CLIENTS = ['cloudformation', 'cloudwatch', 'ebs', 'ec2', 'efs', 'kms', 'lambda', 'resource-groups-tagging-api', 's3', 'scheduler', 'sfn'];

const project = new awscdk.AwsCdkConstructLibrary({
  name: 'cdk-durable-storage',
  description: 'EFS file systems that outlive stacks, and EBS snapshots imported from disk images in S3, as AWS CDK constructs',
  keywords: ['aws', 'cdk', 'awscdk', 'efs', 'ebs', 'snapshot', 'disk-image', 'storage'],
  author: 'The cdk-durable-storage maintainers',
  authorAddress: 'maintainers@users.noreply.r-seed-76bb47b7.example',
  repositoryUrl: 'https://github.com/cdk-durable-storage/cdk-durable-storage.git',
  license: 'Apache-2.0',
  bin: { 'cdk-durable-storage': 'bin/cdk-durable-storage' },
  defaultReleaseBranch: 'main',
  packageManager: javascript.NodePackageManager.NPM,
  projenrcTs: true,
  sampleCode: false,
  github: false,
  depsUpgrade: false,
  // By its short name, the preset decides by itself: before 1.0.0 too, a feature is a minor version, not a patch.
  versionrcOptions: { preset: 'conventionalcommits' },
  releasableCommits: ReleasableCommits.ofType(['feat', 'fix', 'perf', 'revert']),
  // The first release; projen would call it 0.0.0.
  nextVersionCommand: 'node -p "process.env.VERSION === \'0.0.0\' ? \'0.1.0\' : \'\'"',

  // `projen package` makes those whose toolchains this machine has, with CI=true the one for npm alone; task `consumers` uses them.
  publishToPypi: { distName: 'cdk-durable-storage', module: 'cdk_durable_storage' },
  publishToMaven: { javaPackage: 'io.github.cdkdurablestorage', mavenGroupId: 'io.github.cdk-durable-storage', mavenArtifactId: 'cdk-durable-storage' },
  publishToNuget: { dotNetNamespace: 'CdkDurableStorage', packageId: 'CdkDurableStorage' },
  publishToGo: { moduleName: 'github.com/cdk-durable-storage/cdk-durable-storage-go' },

  cdkVersion: CDK_FLOOR,
  constructsVersion: CONSTRUCTS_VERSION,
  // The lowest aws-cdk-lib would be that which we develop with.
  peerDependencyOptions: { pinnedDevDependency: false },
  jsiiVersion: '~6.0.0',
  minNodeVersion: '20.0.0',
  devDeps: [
    ...SDK_CLIENTS.map(name => `@aws-sdk/client-${name}@^3.1138.0`),
    // 2.197.10 reads the assemblies of aws-cdk-lib up to 2.257; no integ-tests-alpha was published for that one.
    '@aws-cdk/integ-runner@2.197.10',
    '@aws-cdk/integ-tests-alpha@2.245.0-alpha.0',
    '@smithy/node-http-handler',
    `@types/node@^${NODE_MAJOR}`,
    'aws-local-stepfunctions@^3.0.0',
    '@commitlint/cli',
    '@commitlint/config-conventional',
    '@stryker-mutator/core@10.0.0',
    '@stryker-mutator/jest-runner@10.0.0',
    'cdk-nag@^3.0.2',
    'concurrently@^9',
    'dependency-cruiser',
    'esbuild',
    'fast-check',
    'hash-wasm@^4.13.0',
    `node@^${NODE_MAJOR}`,
    'tsx',
    'undici',
    'xz-decompress@^0.2.3',
  ],

  eslintOptions: { dirs: ['src'], devdirs: ['lambda', 'cli', 'world', 'test', 'demo', 'examples', 'bench', 'conformance', 'projenrc'] },
  jestOptions: {
    updateSnapshot: javascript.UpdateSnapshot.NEVER,
    coverageText: false,
    junitReporting: false,
    jestConfig: {
      // Only to end a hang: no test is slow by itself, but the machine may be busy.
      testTimeout: 30 * 60_000,
      collectCoverage: false,
      // Jest runs tests in a context of its own, in which each look-up of a global costs so much that random sequences took half as long again.
      // Without Map, because a module of aws-cdk-lib declares a class of that name.
      sandboxInjectedGlobals: [
        'Array', 'BigInt', 'Buffer', 'Error', 'JSON', 'Math', 'Number', 'Object', 'Promise', 'RegExp', 'Set', 'String', 'Symbol', 'Uint8Array',
      ],
      // On two cores: many tests wait for what others compute.
      maxWorkers: 3,
      // What earlier files left behind made later ones take three times the CPU: the garbage collector walks through it again and again.
      workerIdleMemoryLimit: '400MB',
      // The examples import the library by its name.
      moduleNameMapper: { '^cdk-durable-storage$': '<rootDir>/src/index.ts' },
      modulePathIgnorePatterns: ['<rootDir>/.consumers.out/', '<rootDir>/.stryker-tmp/'],
    },
  },
  gitignore: ['/assets/', '/reports/', '/.stryker-tmp/', 'cdk.out/', '.jsii.tabl.json', '/demo.out/', '/.consumers.out/', '/conformance.out/', '/bench/report.json', 'cdk-integ.out.*'],
});

project.addDevDeps(`aws-cdk-lib@${CDK_VERSION}`, `constructs@${CONSTRUCTS_VERSION}`);

// After projen's own pattern, which wants all of test/.
project.gitignore.addPatterns('/test/product/integ/*.snapshot/asset.*');

project.npmignore!.addPatterns(
  ...['lambda', 'cli', 'world', 'demo', 'examples', 'bench', 'conformance', 'docs', 'rosetta', 'reports', '.ci', 'demo.out', '.consumers.out', 'conformance.out'].map(folder => `/${folder}/`),
  '.jsii.tabl.json', '/CONTRIBUTING.md', '/commitlint.config.js', '/stryker.conf.json',
);

// npm 11 writes a lock file that `npm ci` refuses with 1.13.0, whose platform packages the registry lacks.
project.package.addPackageResolutions('unrs-resolver@1.12.2');

// npm 11 asks which packages may run scripts when they are installed: `node` puts its binary in place so.
project.package.addField('allowScripts', { 'node': true, 'esbuild': true, 'unrs-resolver': true });

// ── The house: what may import what ──────────────────────────────────────────────────────────────────────────────────
project.eslint!.addRules({ 'import/no-restricted-paths': ['error', { zones: zones() }] });
// What a template and a handler say to each other: types and constants, no code that runs anywhere in particular.
project.eslint!.addOverride({ files: ['src/contract/*.ts'], rules: { 'import/no-nodejs-modules': 'error' } });

// The examples import the library by its name, as a user does; tsc knows where it is.
project.eslint!.addOverride({
  files: ['examples/**/*.ts', 'conformance/**/*.ts', 'test/product/consumers/**/*.ts'],
  rules: { 'import/no-unresolved': ['error', { ignore: ['^cdk-durable-storage$'] }] },
});

// One program for all folders but lambda/ and src/: a program for each, which is what the parser makes by itself, took 4 GB and twice the time.
project.eslint!.config.parserOptions = {
  ecmaVersion: 2018, sourceType: 'module', project: ['./projenrc/typecheck.json', './lambda/tsconfig.json', './tsconfig.json'],
};

// Formats of files are made of bits.
project.eslint!.addOverride({ files: ['lambda/transfer/formats/*.ts', 'test/harness/formats/*.ts', 'test/campaigns/formats/*.ts'], rules: { 'no-bitwise': 'off' } });

// ── TypeScript outside of src/: checked by tsc, compiled by esbuild ──────────────────────────────────────────────────
const outsideOfJsii = {
  target: 'ES2022',
  lib: ['es2023'],
  module: 'nodenext',
  isolatedModules: true,
  strict: true,
  noEmit: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  skipLibCheck: true,
  resolveJsonModule: true,
};
new JsonFile(project, 'lambda/tsconfig.json', {
  obj: { compilerOptions: { ...outsideOfJsii, types: ['node'] }, include: ['**/*.ts', '../src/contract/**/*.ts'] },
});
new JsonFile(project, 'world/tsconfig.json', { obj: { compilerOptions: { ...outsideOfJsii, types: ['node'] }, include: ['**/*.ts'] } });
for (const folder of ['examples', 'demo']) {
  new JsonFile(project, `${folder}/tsconfig.json`, {
    obj: {
      compilerOptions: { ...outsideOfJsii, types: ['node'], paths: { 'cdk-durable-storage': ['../src/index.ts'] } },
      include: ['**/*.ts'],
    },
  });
}
new JsonFile(project, 'bench/tsconfig.json', { obj: { compilerOptions: { ...outsideOfJsii, types: ['node'] }, include: ['**/*.ts'] } });
new JsonFile(project, 'conformance/tsconfig.json', {
  obj: {
    // Of jest, because some helpers of the tests are used here too.
    compilerOptions: { ...outsideOfJsii, types: ['node', 'jest'], paths: { 'cdk-durable-storage': ['../src/index.ts'] } },
    include: ['**/*.ts'],
  },
});

// All but lambda/ in one go: most of the time goes into the types of aws-cdk-lib.
new JsonFile(project, 'projenrc/typecheck.json', {
  obj: {
    compilerOptions: { ...outsideOfJsii, types: ['node', 'jest'], paths: { 'cdk-durable-storage': ['../src/index.ts'] } },
    include: ['cli', 'world', 'test', 'demo', 'examples', 'bench', 'conformance', 'projenrc'].map(folder => `../${folder}/**/*.ts`).concat('../.projenrc.ts'),
  },
});

// Consumers import the library by its name too.
project.tsconfigDev.file.addOverride('compilerOptions.paths', { 'cdk-durable-storage': ['../src/index.ts'] });

// ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────
const bundle = project.addTask('bundle', {
  description: 'Bundle the Lambda handlers into assets/',
  exec: 'tsx projenrc/bundle.ts',
});
project.preCompileTask.spawn(bundle);

project.addTask('typecheck', {
  description: 'Check the types of what jsii does not compile',
  steps: [{ exec: 'tsc --noEmit -p lambda/tsconfig.json' }, { exec: 'tsc --noEmit -p projenrc/typecheck.json' }],
});

// `projen test` is what `npm test` runs once the bundles and the compiled library are there: on two cores, linting and checking types beside the tests.
const jestFor = (suites: readonly string[], report: string) => `jest ${suites.join(' ')} --json --outputFile ${REPORTS}/${report}.json`;
const makeReports = `node -e "fs.mkdirSync('${REPORTS}', { recursive: true })"`;
project.testTask.reset(makeReports);
project.testTask.exec(`concurrently --group --kill-others-on-fail --names tests,types,lint "${jestFor(QUICK, 'quick')}" "projen typecheck" "projen eslint"`);

/** What `npm test` does on a fresh clone: the tests need the bundles, and the package test the compiled library. */
const verify = project.addTask('verify', { description: 'Bundle, compile, check types, lint, and run the tests that a change needs at once' });
verify.spawn(project.preCompileTask);
verify.spawn(project.compileTask);
verify.spawn(project.testTask);
project.setScript('test', 'projen verify');

project.addTask('test:all', {
  description: 'Run every test that `npm test` leaves out: deployments, campaigns, the world, the product; needs the bundles and the compiled library',
  steps: [{ exec: makeReports }, { exec: jestFor(REST, 'rest'), receiveArgs: true }],
});

project.addTask('mutants', {
  description: 'Break the guards that test/mutants lists, and see the named test fail; SAMPLE and SEED choose some, words select by text',
  exec: 'tsx projenrc/mutants.ts',
  receiveArgs: true,
});

project.addTask('stryker', {
  description: 'Mutate lambda/shared and the pure rooms of the block engine, and print how many mutants the unit tests kill',
  exec: 'stryker run',
  receiveArgs: true,
});
new JsonFile(project, 'stryker.conf.json', {
  marker: false,
  obj: {
    testRunner: 'jest',
    jest: { config: { testMatch: ['<rootDir>/test/unit/lambda/**/*.test.ts'] }, enableFindRelatedTests: true },
    coverageAnalysis: 'perTest',
    mutate: [
      'lambda/shared/**/*.ts', 'lambda/transfer/blocks/**/*.ts', 'lambda/transfer/flow/**/*.ts', 'lambda/transfer/formats/**/*.ts',
      'lambda/transfer/import/block-decision.ts', 'lambda/transfer/bucket/range-record.ts',
    ],
    ignorePatterns: ['/.consumers.out', '/conformance.out', '/demo.out', '/dist', '/lib', '/assets', '/cdk.out'],
    reporters: ['clear-text', 'progress-append-only', 'json'],
    clearTextReporter: { logTests: false, allowColor: false, reportTests: false, reportMutants: false },
    jsonReporter: { fileName: 'reports/stryker/mutation.json' },
    concurrency: 2,
    ignoreStatic: true,
    thresholds: { high: 80, low: 60, break: null },
    tempDirName: '.stryker-tmp',
  },
});

project.addTask('circles', {
  description: 'Look for circles of imports in src, lambda and world, types included',
  exec: 'depcruise --config projenrc/circles.json src lambda world demo',
  receiveArgs: true,
});

// Version and changelog come from the commits. Those before the check was introduced are not conventional.
project.addTask('commits', {
  description: 'Refuse a commit that is not conventional, since the one that introduced this check; needs the history',
  condition: 'git rev-parse --is-shallow-repository | grep false',
  exec: 'commitlint --from "$(git log --diff-filter=A --format=%H -- commitlint.config.js | tail -n 1)^" --to HEAD',
});

project.addTask('rosetta', {
  description: 'Compile the snippets of the README; needs the compiled library',
  exec: 'jsii-rosetta extract --strict',
});

project.addTask('test:aws-efs', {
  description: "Run aws-cdk-lib's own tests of aws-efs against FileSystem; needs their folder",
  steps: [{ spawn: 'bundle' }, { exec: 'tsx test/product/aws-cdk/run.ts', receiveArgs: true }],
});

// Warnings are errors, except that the library is not developed with the lowest aws-cdk-lib.
project.compileTask.reset('jsii --fail-on-warnings --silence-warnings metadata/missing-dev-dependency');

project.addTask('consumers', {
  description: 'Package the library for every language, and synthesize the same app in each that this machine has; needs the compiled library',
  exec: 'tsx test/product/consumers/run.ts',
  receiveArgs: true,
});

project.addTask('cdk-versions', {
  description: 'Use the packed library with the lowest aws-cdk-lib that it takes, and with the newest; needs the compiled library',
  exec: 'tsx test/product/consumers/cdk-versions.ts',
});

project.addTask('size', {
  description: 'Show the sizes of the bundles and how long their import takes; fails for one that is larger than its budget',
  steps: [{ spawn: 'bundle' }, { exec: 'tsx projenrc/size.ts' }],
});

// integ-runner asks no account unless it deploys. Its snapshots hold the hashes of the bundles: whoever changes a handler refreshes them.
const integRunner = 'integ-runner --directory test/product/integ --language typescript --app "tsx {filePath}"';
project.addTask('integ', {
  description: 'Compare the integration tests with their snapshots; needs no account',
  steps: [{ spawn: 'bundle' }, { exec: integRunner, receiveArgs: true }],
});
project.addTask('integ:snapshot', {
  description: 'Write the snapshots of the integration tests anew; needs no account',
  steps: [{ spawn: 'bundle' }, { exec: `${integRunner} --update-on-failed --dry-run`, receiveArgs: true }],
});
project.addTask('integ:deploy', {
  description: 'Deploy the integration tests that changed to the account of the environment, check what is there, and remove them',
  steps: [{ spawn: 'bundle' }, { exec: `${integRunner} --update-on-failed`, receiveArgs: true }],
});

project.addTask('drawings', {
  description: 'Draw the diagrams of the documentation anew',
  exec: 'tsx projenrc/drawings.ts',
});

project.addTask('fuzz', {
  description: 'Read 100,000 mutated disk images; CASES=… and FIRST=… say how many, and which',
  env: { FUZZ: 'true' },
  exec: 'jest -i test/campaigns/formats/fuzz.test.ts',
});

project.addTask('fixtures', {
  description: 'Make the disk images of the tests anew, with qemu-img and qemu-io',
  exec: 'test/harness/formats/make-fixtures.sh',
});

project.addTask('bench', {
  description: 'Measure the copy worker beside SHA-256 alone and the plain SDK',
  steps: [{ spawn: 'bundle' }, { exec: 'tsx bench/run.ts', receiveArgs: true }],
});

project.addTask('bench:template', {
  description: 'Count what one, ten and fifty of each construct bring to a stack, and time their synthesis beside that of efs.FileSystem; --write puts the counts into docs/cost.md',
  steps: [{ spawn: 'bundle' }, { exec: 'tsx bench/template.ts', receiveArgs: true }],
});

project.addTask('bench:path', {
  description: 'Show where the seconds of deployments go under a latency model of AWS, played and simulated, beside the targets',
  steps: [{ spawn: 'bundle' }, { exec: 'tsx bench/path/run.ts', receiveArgs: true }],
});

project.addTask('faults', {
  description: 'Imports in which everything goes wrong, from 1,000 seeds; SEEDS and FIRST_SEED say how many, and which',
  exec: 'tsx projenrc/faults.ts',
});

project.addTask('demo', {
  description: 'Deploy the example app onto the embedded emulator, update it, destroy it',
  steps: [{ spawn: 'bundle' }, { exec: 'tsx --tsconfig demo/tsconfig.json demo/run.ts' }],
});

project.addTask('conformance', {
  description: 'Let independent software judge templates, handlers and emulator; says what was run against what',
  steps: [{ spawn: 'bundle' }, { exec: 'tsx --tsconfig conformance/tsconfig.json conformance/run.ts', receiveArgs: true }],
});

project.synth();
