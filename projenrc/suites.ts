/** The tests that `npm test` runs; `npm run test:all` runs everything else. */
export const QUICK = ['test/unit', 'test/handlers', 'test/deployments/lives.test.ts'];

/** Arguments of jest for the suites that `npm test` leaves out. */
export const REST = ['test', ...QUICK.flatMap(path => ['--testPathIgnorePatterns', `/${path}`])];

/** Folder of the reports that every runner of `.ci/run` leaves, for `projenrc/tally.ts`. */
export const REPORTS = 'reports';
