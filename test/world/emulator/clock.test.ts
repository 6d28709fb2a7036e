import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Clock } from '../../../world/emulator/clock';

const spin = (milliseconds: number) => { for (const end = Date.now() + milliseconds; Date.now() < end;) { /* The machine does something else. */ } };

test('time stands still from an answer to the next request, also where the machine is busy in between', async () => {
  const clock = new Clock(0);
  const server = createServer((_, response) => {
    const release = clock.work();
    setImmediate(() => {
      response.end(`${clock.now()}`);
      release();
      spin(20);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const request = (agent: Agent | undefined) => new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent }, async response => resolve((await response.toArray()).join(''))).on('error', reject);
  });
  const alarm = clock.sleep(60_000);
  const kept = new Agent({ keepAlive: true });

  const times: string[] = [];
  for (const agent of [kept, kept, undefined, undefined, kept]) { times.push(await request(agent)); }

  expect(times).toEqual(Array(5).fill('0'));
  await alarm;
  expect(clock.now()).toBe(60_000);
  kept.destroy();
  server.close();
});

test('time goes to the next moment that somebody waits for, in the order of the waits', async () => {
  const clock = new Clock(0);
  const woken: string[] = [];
  const wait = async (name: string, milliseconds: number) => {
    await clock.sleep(milliseconds);
    woken.push(`${name} ${clock.now()}`);
  };

  await Promise.all([wait('a', 500), wait('b', 100), wait('c', 500), wait('d', 0)]);

  expect(woken).toEqual(['d 0', 'b 100', 'a 500', 'c 500']);
});
