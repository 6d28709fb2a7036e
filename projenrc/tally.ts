import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { REPORTS } from './suites';

/**
 * Adds up the reports that the runners of `.ci/run` left in `reports/`, and prints `N passed, N failed, N skipped`. A report is
 * what jest writes with `--json`, or a `Count`.
 */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const folder = resolve(__dirname, '..', REPORTS);

/** Leaves the count of a runner other than jest. */
export function report(name: string, count: Count): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(count));
}

function countOf(file: string): Count {
  const found = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Partial<Count> & Record<string, number>;
  if (found.passed !== undefined) { return found as Count; }
  return {
    passed: found.numPassedTests,
    // A file that could not be run holds no test that could fail.
    failed: found.numFailedTests + found.numRuntimeErrorTestSuites,
    skipped: found.numPendingTests + found.numTodoTests,
  };
}

if (require.main === module) {
  const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.json')).sort() : [];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const { passed, failed, skipped } = countOf(file);
    console.log(`${file.replace(/\.json$/, '').padEnd(16)} ${passed} passed, ${failed} failed, ${skipped} skipped`);
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += skipped;
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
}
