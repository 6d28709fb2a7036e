import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Emulator, type EmulatorOptions } from '../../../world/emulator/emulator';
import { Principal } from '../../../world/emulator/iam';
import type { Activity } from '../../../world/emulator/latency';

const directory = mkdtempSync(join(tmpdir(), 'latency-'));
const role = new Principal('arn:aws:sts::111122223333:assumed-role/any/session', () => [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
/** Calls a service of the test twice at once, then once more. */
const CALLER = `const http = require('node:http');
  const call = () => new Promise((resolve, reject) => {
    const authorization = 'Credential=' + process.env.AWS_ACCESS_KEY_ID + '/20261101/eu-west-1/clock/aws4_request';
    http.get(process.env.AWS_ENDPOINT_URL, { headers: { authorization } }, response => {
      response.resume();
      response.on('end', resolve);
    }).on('error', reject);
  });
  exports.handler = async () => {
    const begin = Date.now();
    await Promise.all([call(), call()]);
    const both = Date.now() - begin;
    await call();
    return [both, Date.now() - begin];
  };`;
const STATES = {
  StartAt: 'Ranges',
  States: {
    Ranges: {
      Type: 'Map',
      ItemsPath: '$',
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, StartAt: 'Range', States: { Range: { Type: 'Pass', End: true } },
      },
      Next: 'End',
    },
    End: { Type: 'Succeed' },
  },
};

let world: Emulator;
let activities: Activity[];

async function start(options: EmulatorOptions): Promise<void> {
  world = await Emulator.start({ lambda: { coldStart: 0, invocation: 0 }, ...options });
  activities = [];
  world.latency.listener = activity => activities.push(activity);
  world.server.add({ signingName: 'clock', operation: () => 'Look', refuse: error => { throw error; }, handle: async () => ({ status: 200 }) });
  writeFileSync(join(directory, 'index.js'), CALLER);
  world.lambda.create({ functionName: 'caller', handler: 'index.handler', codeDirectory: directory, role, timeoutSeconds: 60 });
}

afterEach(() => world.close());
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function secondsOf(definition: object, input: unknown): Promise<number> {
  const executionArn = world.states.start(world.states.create({ name: 'machine', definition, role }), input);
  await world.clock.sleep(60_000);
  const { startDate, stopDate } = world.states.describe(executionArn);
  return (stopDate! - startDate) / 1000;
}

test('calls and states take no time by default', async () => {
  await start({});
  expect((await world.lambda.invoke('caller')).payload).toEqual([0, 0]);
  expect(await secondsOf(STATES, [1, 2])).toBe(0);
});

test('a call of a function takes the time of its operation, and calls at once wait at once', async () => {
  await start({ latency: { call: operation => operation === 'clock:Look' ? 70 : 0 } });
  expect((await world.lambda.invoke('caller')).payload).toEqual([70, 140]);
  expect(activities.map(({ kind, name, by, began, ended }) => [kind, name, by, ended - began])).toEqual([
    ['start', 'caller', undefined, 0], ...Array(3).fill(['call', 'clock:Look', 'caller', 70]),
  ]);
});

test('a state machine takes time for each state, for a Distributed Map and for its children', async () => {
  await start({ latency: { transition: 10, mapRun: 1_000, mapChild: 300 } });
  expect(await secondsOf(STATES, [1, 2])).toBe(1.33);
});

test('an asynchronous invocation waits in the queue', async () => {
  await start({ latency: { queue: 100 } });
  const began = world.clock.now();
  await world.lambda.enqueue('caller');
  expect(world.clock.now() - began).toBe(100);
});
