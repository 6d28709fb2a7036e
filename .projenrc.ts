import { awscdk, javascript, JsonFile } from 'projen';

/**
 * The lowest aws-cdk-lib that this library works with. `IFileSystem` extends
 * `IFileSystemRef` there as it does in the newest, so one class satisfies both.
 */
const CDK_VERSION = '2.257.0';

/** Handlers run on nodejs24.x, so this is the Node.js that bundles them, tests them and runs the demo. */
const NODE_MAJOR = '24';

const SDK = ['cloudformation', 'ebs', 'ec2', 'efs', 'kms', 'lambda', 's3', 'sfn'];

const project = new awscdk.AwsCdkConstructLibrary({
  name: 'cdk-durable-storage',
  description: 'EFS file systems that outlive stacks, and EBS snapshots imported from disk images in S3, as AWS CDK constructs',
  keywords: ['aws', 'cdk', 'awscdk', 'efs', 'ebs', 'snapshot', 'disk-image', 'storage'],
  author: 'The cdk-durable-storage maintainers',
  authorAddress: 'maintainers@users.noreply.r-seed-76bb47b7.example',
  repositoryUrl: 'https://github.com/cdk-durable-storage/cdk-durable-storage.git',
  license: 'Apache-2.0',
  defaultReleaseBranch: 'main',
  packageManager: javascript.NodePackageManager.NPM,
  projenrcTs: true,
  github: false,
  depsUpgrade: false,

  cdkVersion: CDK_VERSION,
  jsiiVersion: '~6.0.0',
  minNodeVersion: '20.0.0',
  devDeps: [
    ...SDK.map(name => `@aws-sdk/client-${name}@^3.1138.0`),
    '@smithy/node-http-handler',
    `@types/node@^${NODE_MAJOR}`,
    'aws-local-stepfunctions@^3.0.0',
    'esbuild',
    'fast-check',
    `node@^${NODE_MAJOR}`,
    'tsx',
  ],

  eslintOptions: { dirs: ['src', 'lambda'], devdirs: ['test', 'examples', 'projenrc', 'bench'] },
  jestOptions: {
    updateSnapshot: javascript.UpdateSnapshot.NEVER,
    jestConfig: {
      testTimeout: 120_000,
      // Each test file starts emulators and function processes of its own; two cores carry two of them.
      maxWorkers: 2,
      coverageReporters: ['text-summary'],
    },
  },
  gitignore: ['/assets/', '/cdk.out/', '*.tabl.json', '/.metafiles/', '.DS_Store'],
});

project.npmignore!.addPatterns('/lambda/', '/examples/', '/bench/', '/.ci/', '/rosetta/', '/.metafiles/');

// npm 11 writes a lock file that `npm ci` refuses with 1.13.0, whose platform packages the registry lacks.
project.package.addPackageResolutions('unrs-resolver@1.12.2');

// ── TypeScript outside of src/: checked by tsc, compiled by esbuild ──────────────────────────────────────────────────
const strict = {
  target: 'ES2022',
  lib: ['es2023'],
  module: 'nodenext',
  isolatedModules: true,
  types: ['node', 'jest'],
  strict: true,
  noEmit: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  noImplicitReturns: true,
  noFallthroughCasesInSwitch: true,
  esModuleInterop: true,
  skipLibCheck: true,
  resolveJsonModule: true,
};
new JsonFile(project, 'lambda/tsconfig.json', {
  obj: { compilerOptions: { ...strict, types: ['node'] }, include: ['**/*.ts', '../src/contract/**/*.ts'] },
});

project.synth();
