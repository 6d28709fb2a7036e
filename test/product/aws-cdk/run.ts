import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EXCEPTIONS } from './exceptions';

/**
 * Runs aws-cdk-lib's own unit tests of aws-efs against our `FileSystem`, type names mapped:
 *
 *     npx projen test:aws-efs <a checkout of aws/aws-cdk>/packages/aws-cdk-lib/aws-efs/test
 *
 * The tests stay as they are, and where they are. Succeeds if exactly the EXCEPTIONS fail.
 */
const root = resolve(__dirname, '..', '..', '..');
const library = join(root, 'node_modules', 'aws-cdk-lib');

interface Results {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string; readonly failureMessages: readonly string[] }[];
  }[];
}

function play(folder: string): Results {
  const scratch = mkdtempSync(join(tmpdir(), 'aws-efs-'));
  const outputFile = join(scratch, 'results.json');
  const config = {
    rootDir: resolve(folder),
    testMatch: ['<rootDir>/**/*.test.ts'],
    // As they were written for a tree of sources, so with what that is to them.
    moduleNameMapper: {
      '^\\.\\./lib(/.+)?$': join(__dirname, 'aws-efs.ts'),
      '^\\.\\./\\.\\./assertions$': join(__dirname, 'assertions.ts'),
      '^\\.\\./\\.\\./core$': library,
      '^\\.\\./\\.\\./(aws-[a-z0-9-]+|cx-api)$': join(library, '$1'),
    },
    transform: { '^.+\\.ts$': [join(root, 'node_modules', 'ts-jest'), { tsconfig: join(root, 'test', 'tsconfig.json'), diagnostics: false }] },
  };
  try {
    spawnSync(process.execPath, [
      join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--config', JSON.stringify(config), '--json', '--outputFile', outputFile, '--silent',
    ], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    return JSON.parse(readFileSync(outputFile, 'utf8'));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function main(): void {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) { throw new Error('name the folder of the tests: <aws-cdk>/packages/aws-cdk-lib/aws-efs/test'); }
  const { testResults } = play(folder);
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const lame = testResults.find(({ assertionResults }) => assertionResults.length === 0);
  if (lame || tests.length === 0) { throw new Error(`no test was found in ${folder}, or a file of it cannot run: ${lame?.message}`); }

  const failed = tests.filter(({ status }) => status !== 'passed');
  const wrong = failed.filter(({ fullName }) => !EXCEPTIONS.includes(fullName));
  wrong.forEach(({ fullName, failureMessages }) => console.error(`does not hold: ${fullName}\n${failureMessages.join('\n')}`));
  const needless = tests.filter(({ fullName, status }) => status === 'passed' && EXCEPTIONS.includes(fullName));
  needless.forEach(({ fullName }) => console.error(`holds, so is no exception: ${fullName}`));
  console.log(`${tests.length - failed.length} of ${tests.length} tests hold; ${failed.length - wrong.length} are exceptions that docs/drop-in.md explains`);
  if (wrong.length + needless.length > 0) { process.exitCode = 1; }
}

main();
