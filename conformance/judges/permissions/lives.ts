import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { playWithoutEach, type Account, type Life } from './life';

/** Where the tests put their verdicts, one file for each life. */
export const VERDICTS = 'PERMISSION_VERDICTS';

/** For Jest, whose helpers the worlds need: `denied.ts` runs it, and judges what comes of it. */
export function playAll<A extends Account>(lives: readonly Life<A>[]): void {
  test.each(lives.map(life => [life.name, life] as const))('%s', async (name, life) => {
    const verdicts = await playWithoutEach(life);
    writeFileSync(join(process.env[VERDICTS]!, `${name.replace(/\W+/g, '-')}.json`), JSON.stringify(verdicts, undefined, 2));
  });
}
