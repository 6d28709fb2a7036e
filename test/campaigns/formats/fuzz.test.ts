import { fuzzArchive } from './archive-fuzz';
import { fuzz, subjects } from './fuzz';

/**
 * Mutated disk images, read by the readers of all formats:
 *
 *     npx projen fuzz                                                      100,000 of them
 *     FIRST=123 CASES=1 npx jest test/campaigns/formats/fuzz.test.ts       one of them again
 */
const CASES = Number(process.env.CASES ?? (process.env.FUZZ ? 100_000 : 2_500));
const FIRST = Number(process.env.FIRST ?? 0);

test('a mutated image is read or refused, and nothing else', async () => {
  const all = await subjects();
  const outcomes = { read: 0, refused: 0 };
  for (let n = FIRST; n < FIRST + CASES; n++) { outcomes[await fuzz(all, n)]++; }
  process.stdout.write(process.env.CASES ?? process.env.FUZZ ? `${JSON.stringify(outcomes)}\n` : '');
  // Otherwise the mutations are too weak or too strong. A few cases that are played again prove nothing of that.
  const least = CASES < 100 ? -1 : CASES / 10;
  expect(outcomes.read).toBeGreaterThan(least);
  expect(outcomes.refused).toBeGreaterThan(least);
}, 2 ** 31 - 1);

test('a mutated archive is read or refused, and nothing else', async () => {
  const outcomes = { read: 0, refused: 0 };
  for (let n = FIRST; n < FIRST + CASES; n++) { outcomes[await fuzzArchive(n)]++; }
  process.stdout.write(process.env.CASES ?? process.env.FUZZ ? `${JSON.stringify(outcomes)}\n` : '');
  const least = CASES < 100 ? -1 : CASES / 10;
  expect(outcomes.read).toBeGreaterThan(least);
  expect(outcomes.refused).toBeGreaterThan(least);
}, 2 ** 31 - 1);
