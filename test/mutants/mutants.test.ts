import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MUTANTS } from '.';

const ROOT = join(__dirname, '..', '..');

test('each mutant finds its guard exactly once', () => {
  const lost = MUTANTS.filter(({ file, find }) => readFileSync(join(ROOT, file), 'utf8').split(find).length !== 2);
  expect(lost.map(({ guard, file }) => `${guard} (${file})`)).toEqual([]);
});
