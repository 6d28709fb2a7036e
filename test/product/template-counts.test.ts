import { readFileSync } from 'fs';
import { join, resolve } from 'path';
import { CASES, measure, rowOf } from '../../bench/template-counts';

const PAGE = readFileSync(join(resolve(__dirname, '..', '..'), 'docs', 'cost.md'), 'utf8');

/** The bytes change with every description. */
const withoutBytes = (row: string | undefined) => row?.replace(/ \d+ kB \|$/, '');

test.each(CASES)('docs/cost.md has what $count $construct bring to a stack (else run npx projen bench:template --write)', one => {
  const row = PAGE.split('\n').find(line => line.startsWith(`| ${one.count} \`${one.construct}\` `));

  expect(withoutBytes(row)).toBe(withoutBytes(rowOf(one, measure(one))));
});
