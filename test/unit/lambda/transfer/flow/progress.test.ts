import { Simulation } from './simulation';
import { Progress } from '../../../../../lambda/transfer/flow/progress';

test('progress is saved every half a minute, never twice at once', async () => {
  const simulation = new Simulation();
  const saves: number[] = [];
  await simulation.run(async () => {
    const began = simulation.now();
    const progress = new Progress(async () => {
      saves.push((simulation.now() - began) / 1000);
      // The third one hangs for a while.
      await simulation.sleep(saves.length === 3 ? 100_000 : 100);
    });
    for (let second = 0; second < 240; second++) {
      await simulation.sleep(1_000);
      progress.made();
    }
    await progress.end();
  });
  expect(saves).toEqual([30, 60, 90, 190, 220]);
});

test('a save that fails disturbs nobody, and is waited for at the end', async () => {
  const simulation = new Simulation();
  jest.spyOn(console, 'log').mockImplementation(() => {});
  let failed = 0;
  await simulation.run(async () => {
    const progress = new Progress(async () => {
      await simulation.sleep(500);
      failed++;
      throw new Error('no');
    });
    await simulation.sleep(40_000);
    progress.made();
    await progress.end();
    expect(failed).toBe(1);
    await simulation.sleep(40_000);
    progress.made();
    await progress.end();
  });
  expect(failed).toBe(2);
});
