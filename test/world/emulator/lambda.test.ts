import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetFunctionCommand, InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { Clock } from '../../../world/emulator/clock';
import { arn, REGION } from '../../../world/emulator/environment';
import { Principal, type Statement } from '../../../world/emulator/iam';
import { Lambda, type FunctionProps, type LambdaOptions } from '../../../world/emulator/lambda';
import { installClock } from '../../../world/emulator/lambda/in-process-clock';
import { EmulatorServer } from '../../../world/emulator/server';

const SLEEP = "const { setTimeout: sleep } = require('node:timers/promises');";
const HOUR = 3600_000;

const directory = mkdtempSync(path.join(tmpdir(), 'functions-'));
let clock: Clock;
let server: EmulatorServer;
let lambda: Lambda;
let files = 0;

beforeEach(async () => {
  clock = new Clock();
  server = new EmulatorServer(clock);
  lambda = new Lambda(clock, server, { maxProcesses: 4 });
  server.add(lambda);
  await server.listen();
});

/** Another Lambda in place of the one of all tests. */
function restart(options: LambdaOptions): void {
  lambda = new Lambda(clock, server, { maxProcesses: 16, ...options });
  server.add(lambda);
}

afterEach(async () => {
  await lambda.close();
  await server.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A function whose module is this code. */
function define(functionName: string, code: string, props: Partial<FunctionProps> = {}): string {
  const file = `index${files++}`;
  writeFileSync(path.join(directory, `${file}.js`), code);
  return lambda.create({
    functionName, handler: `${file}.handler`, codeDirectory: directory, role: role(), timeoutSeconds: 900, memorySize: 256, ...props,
  });
}

function role(...statements: Statement[]): Principal {
  return new Principal('arn:aws:sts::111122223333:assumed-role/function/session', () => statements);
}

function allow(action: string, ...resources: string[]): Statement {
  return { Effect: 'Allow', Action: action, Resource: resources };
}

function client(credentials = EmulatorServer.ADMIN): LambdaClient {
  return new LambdaClient({ region: REGION, endpoint: server.url, credentials, maxAttempts: 1 });
}

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes!).toString();

describe('a function', () => {
  test('sees the environment of its template and of Lambda, and nothing of the host', async () => {
    process.env.SECRET_OF_THE_HOST = 'secret';
    define('greet', 'exports.handler = async () => ({ ...process.env, versions: process.versions.node });', { environment: { STAGE: 'test' } });

    const { payload } = await lambda.invoke('greet');
    const env = payload as Record<string, string>;

    expect(env).toMatchObject({
      STAGE: 'test',
      AWS_REGION: REGION,
      AWS_LAMBDA_FUNCTION_NAME: 'greet',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_ENDPOINT_URL: server.url,
      TZ: 'UTC',
    });
    expect(env.versions).toMatch(/^24\./);
    expect(env.SECRET_OF_THE_HOST).toBeUndefined();
    expect(env.HOME).toBeUndefined();
  });

  test('gets event and context', async () => {
    const code = `exports.handler = async (event, context) => ({
      event, ...context, remaining: context.getRemainingTimeInMillis(),
    });`;
    const functionArn = define('echo', code, { timeoutSeconds: 30 });

    const { payload } = await lambda.invoke('echo', { deep: [1, { a: null }], gone: undefined });

    expect(payload).toMatchObject({
      event: { deep: [1, { a: null }] },
      functionName: 'echo',
      functionVersion: '$LATEST',
      invokedFunctionArn: functionArn,
      memoryLimitInMB: '256',
      logGroupName: '/aws/lambda/echo',
      remaining: 30_000,
    });
    expect((payload as { awsRequestId: string }).awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('may be an ES module', async () => {
    writeFileSync(path.join(directory, 'module.mjs'), `import { setTimeout } from 'node:timers/promises';
      export const handler = async () => { const before = Date.now(); await setTimeout(60_000); return Date.now() - before; };`);
    lambda.create({ functionName: 'module', handler: 'module.handler', codeDirectory: directory, role: role(), timeoutSeconds: 900 });

    expect((await lambda.invoke('module')).payload).toBe(60_000);
  });

  test('is kept warm, with its process and what the process remembers', async () => {
    define('count', 'let count = 0; exports.handler = async () => [process.pid, ++count];');

    const [pid, first] = (await lambda.invoke('count')).payload as number[];
    expect(first).toBe(1);
    expect((await lambda.invoke('count')).payload).toEqual([pid, 2]);
    expect(lambda.invocations('count')).toBe(2);
  });

  test('runs one invocation at a time in a process, several in several', async () => {
    define('slow', `${SLEEP} exports.handler = async () => { await sleep(1000); return process.pid; };`);

    const pids = (await Promise.all([lambda.invoke('slow'), lambda.invoke('slow'), lambda.invoke('slow')])).map(result => result.payload);

    expect(new Set(pids).size).toBe(3);
    expect(lambda.processes()).toBe(3);
  });

  test('waits its turn when there are as many processes as may be', async () => {
    define('one', `${SLEEP} exports.handler = async n => { await sleep(1000); return n; };`);
    define('two', `${SLEEP} exports.handler = async n => { await sleep(1000); return n; };`);

    const numbers = [...Array(12).keys()];
    const results = await Promise.all(numbers.map(n => lambda.invoke(n % 2 ? 'one' : 'two', n)));

    expect(results.map(result => result.payload)).toEqual(numbers);
    expect(lambda.processes()).toBeLessThanOrEqual(4);
    expect(clock.now() - new Clock().now()).toBeGreaterThanOrEqual(3000);
  });

  test('is refused beyond its reserved concurrency', async () => {
    define('single', `${SLEEP} exports.handler = async () => { await sleep(1000); };`, { reservedConcurrentExecutions: 1 });

    const first = lambda.invoke('single');
    await expect(client().send(new InvokeCommand({ FunctionName: 'single' })))
      .rejects.toMatchObject({ name: 'TooManyRequestsException', Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' });
    expect((await first).functionError).toBeUndefined();
  });

  test('runs the new code and environment after an update', async () => {
    define('stage', 'exports.handler = async () => process.env.STAGE;', { environment: { STAGE: 'old' } });
    expect((await lambda.invoke('stage')).payload).toBe('old');

    lambda.update('stage', { environment: { STAGE: 'new' } });
    expect((await lambda.invoke('stage')).payload).toBe('new');
  });

  test('ends what it began when it is deleted meanwhile, and its processes are gone', async () => {
    define('doomed', `${SLEEP} exports.handler = async () => { await sleep(1000); return 'done'; };`);
    const invocation = lambda.invoke('doomed');
    lambda.delete('doomed');

    expect((await invocation).payload).toBe('done');
    await expect(lambda.invoke('doomed')).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
    while (lambda.processes() > 0) { await sleep(5); }
  });

  test('cannot have environment variables that Lambda sets', () => {
    expect(() => define('reserved', '', { environment: { AWS_REGION: 'us-east-1' } })).toThrow(/reserved keys.*AWS_REGION/);
  });

  test('keeps what it prints', async () => {
    const seen: string[] = [];
    define('talk', "exports.handler = async () => { console.log('one\\ntwo'); console.error('three'); process.stdout.write('four'); };",
      { logSink: line => seen.push(line) });
    await lambda.invoke('talk');

    expect(lambda.logs('talk').sort()).toEqual(['four', 'one', 'three', 'two']);
    expect(seen.sort()).toEqual(lambda.logs('talk').sort());
  });
});

describe('time inside a function', () => {
  test('is the time of the test', async () => {
    define('now', `const loaded = Date.now(); exports.handler = async () => ({
      loaded, now: Date.now(), date: new Date().toISOString(), fixed: new Date(0).getTime(), instance: new Date() instanceof Date, text: Date(),
    });`);

    const { payload } = await lambda.invoke('now');
    expect(payload).toEqual({
      loaded: clock.now(),
      now: clock.now(),
      date: new Date(clock.now()).toISOString(),
      fixed: 0,
      instance: true,
      text: expect.stringContaining('Nov 01 2026'),
    });

    clock.advance(HOUR);
    expect((await lambda.invoke('now')).payload).toMatchObject({ now: clock.now(), loaded: clock.now() - HOUR });
  });

  test('lets hours pass in no time', async () => {
    define('patient', `${SLEEP} exports.handler = async (event, context) => {
      const remaining = context.getRemainingTimeInMillis();
      const value = await sleep(10 * 60_000, 'value');
      return { value, passed: remaining - context.getRemainingTimeInMillis() };
    };`);
    for (let hour = 0; hour < 5; hour++) {
      for (let sixth = 0; sixth < 6; sixth++) {
        expect((await lambda.invoke('patient')).payload).toEqual({ value: 'value', passed: 600_000 });
      }
    }

    expect(clock.now() - new Clock().now()).toBe(5 * HOUR);
  });

  test('lets several sleep at once, each its own while', async () => {
    define('lanes', `${SLEEP} exports.handler = async () => {
      const began = Date.now();
      const woken = [];
      await Promise.all([30, 10, 20, 10].map(async (seconds, lane) => {
        for (let i = 0; i < 3; i++) { await sleep(seconds * 1000); woken.push([lane, (Date.now() - began) / 1000]); }
      }));
      return woken;
    };`);

    expect((await lambda.invoke('lanes')).payload).toEqual([
      [1, 10], [3, 10], [2, 20], [1, 20], [3, 20], [0, 30], [1, 30], [3, 30], [2, 40], [0, 60], [2, 60], [0, 90],
    ]);
  });

  test('ends a sleep that is aborted', async () => {
    define('aborted', `${SLEEP} exports.handler = async () => {
      const controller = new AbortController();
      const began = Date.now();
      sleep(1000).then(() => controller.abort(new Error('why')));
      const error = await sleep(60_000, undefined, { signal: controller.signal }).catch(e => e);
      const early = await sleep(60_000, undefined, { signal: AbortSignal.abort() }).catch(e => e);
      return [error.name, error.code, error.cause.message, early.name, Date.now() - began];
    };`);

    expect((await lambda.invoke('aborted')).payload).toEqual(['AbortError', 'ABORT_ERR', 'why', 'AbortError', 1000]);
  });

  test('leaves global timers real, as network timeouts need them', async () => {
    define('timers', `exports.handler = async () => {
      const began = Date.now();
      await new Promise(resolve => setTimeout(resolve, 20));
      return [Date.now() - began, performance.now() > 0];
    };`);

    expect((await lambda.invoke('timers')).payload).toEqual([0, true]);
  });

  test('does not move on while another part of the handler talks to a service', async () => {
    server.add({
      signingName: 'sts',
      operation: () => 'Any',
      handle: async () => { await sleep(30); return { status: 200 }; },
      refuse: error => ({ status: error.status }),
    });
    define('mixed', `${SLEEP} const http = require('http');
      const call = () => new Promise((resolve, reject) => http.get(process.env.AWS_ENDPOINT_URL, { headers: {
        authorization: 'AWS4-HMAC-SHA256 Credential=' + process.env.AWS_ACCESS_KEY_ID + '/20261101/eu-west-1/sts/aws4_request' } },
        response => { response.resume(); response.on('end', resolve); }).on('error', reject));
      exports.handler = async () => {
        const order = [];
        const lane = sleep(1).then(() => order.push('slept'));
        for (let i = 0; i < 5; i++) { await call(); await new Promise(resolve => setImmediate(resolve)); }
        order.push('called');
        await lane;
        return order;
      };`);

    expect((await lambda.invoke('mixed')).payload).toEqual(['called', 'slept']);
  });
});

describe('a function that fails', () => {
  test('gives name, message and trace of what it threw', async () => {
    define('throws', "exports.handler = async event => { throw Object.assign(new Error('no ' + event), { name: 'Refused' }); };");

    const result = await lambda.invoke('throws', 'way');

    expect(result.functionError).toBe('Unhandled');
    expect(result.payload).toEqual({ errorType: 'Refused', errorMessage: 'no way', trace: expect.arrayContaining([expect.stringContaining('index')]) });
  });

  test('is stopped by its timeout', async () => {
    define('late', `${SLEEP} let count = 0; exports.handler = async seconds => { await sleep(seconds * 1000); return ++count; };`, { timeoutSeconds: 5 });
    expect((await lambda.invoke('late', 4)).payload).toBe(1);
    const began = clock.now();

    const result = await lambda.invoke('late', 6);

    expect(result.payload).toEqual({ errorType: 'Sandbox.Timedout', errorMessage: expect.stringContaining('Task timed out after 5.00 seconds') });
    expect(clock.now() - began).toBe(5000);
    expect((await lambda.invoke('late', 1)).payload).toBe(1);
  });

  test('is replaced by a new process if it crashes', async () => {
    define('crash', 'let count = 0; exports.handler = async code => { count++; if (code !== null) process.exit(code); return count; };');
    expect((await lambda.invoke('crash', null)).payload).toBe(1);

    expect((await lambda.invoke('crash', 3)).payload)
      .toEqual({ errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('exit status 3') });
    expect((await lambda.invoke('crash', null)).payload).toBe(1);
  });

  test('is replaced by a new process if it is killed', async () => {
    define('killed', `${SLEEP} exports.handler = async seconds => { await sleep(seconds * 1000); return process.pid; };`);
    const { payload: pid } = await lambda.invoke('killed', 0);
    const invocation = lambda.invoke('killed', 600);

    expect(lambda.kill('killed')).toBe(1);

    expect(await invocation).toMatchObject({
      functionError: 'Unhandled',
      payload: { errorType: 'Runtime.ExitError', errorMessage: expect.stringContaining('signal: killed') },
    });
    expect((await lambda.invoke('killed', 0)).payload).not.toBe(pid);
  });

  test.each([
    ['rejects where nobody listens', "exports.handler = () => { Promise.reject(new Error('lost')); return new Promise(() => {}); };",
      'Runtime.UnhandledPromiseRejection', 'Error: lost'],
    ['throws from a timer', "exports.handler = () => { setTimeout(() => { throw new TypeError('oops'); }); return new Promise(() => {}); };",
      'TypeError', 'oops'],
    ['never settles', 'exports.handler = () => new Promise(() => {});', 'Runtime.NodejsExit', 'never settled'],
    ['throws while it loads', "throw new RangeError('init');", 'RangeError', 'init'],
    ['cannot be parsed', 'const = 1;', 'Runtime.UserCodeSyntaxError', 'SyntaxError'],
    ['needs a missing module', "require('does-not-exist');", 'Runtime.ImportModuleError', 'does-not-exist'],
    ['has no handler', 'exports.other = () => {};', 'Runtime.HandlerNotFound', 'is undefined or not exported'],
    ['wants a callback', 'exports.handler = (event, context, callback) => callback();', 'Runtime.CallbackHandlerDeprecated', 'callback'],
  ])('says why if it %s', async (_, code, errorType, message) => {
    define('broken', code);

    const result = await lambda.invoke('broken');

    expect(result.functionError).toBe('Unhandled');
    expect(result.payload).toMatchObject({ errorType, errorMessage: expect.stringContaining(message) });
  });

  test('does not return more than 6 MB', async () => {
    define('large', "exports.handler = async bytes => 'x'.repeat(bytes);");

    expect((await lambda.invoke('large', 6_000_000)).functionError).toBeUndefined();
    expect((await lambda.invoke('large', 6_300_000)).payload).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
    await expect(lambda.invoke('large', 'x'.repeat(6_300_000))).rejects.toMatchObject({ code: 'RequestTooLargeException' });
  });
});

describe('the API', () => {
  test('invokes by name and by ARN', async () => {
    const functionArn = define('echo', 'exports.handler = async event => event;');

    for (const FunctionName of ['echo', functionArn, `${functionArn}:$LATEST`, '111122223333:function:echo']) {
      const answer = await client().send(new InvokeCommand({ FunctionName, Payload: '{"a":1}' }));
      expect(text(answer.Payload)).toBe('{"a":1}');
      expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' });
      expect(answer.FunctionError).toBeUndefined();
    }
  });

  test('says that the function failed', async () => {
    define('throws', "exports.handler = async () => { throw new Error('no'); };");

    const answer = await client().send(new InvokeCommand({ FunctionName: 'throws' }));

    expect(answer).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(JSON.parse(text(answer.Payload))).toMatchObject({ errorType: 'Error', errorMessage: 'no' });
  });

  test('describes a function as active, and knows no others', async () => {
    define('echo', 'exports.handler = async event => event;');

    expect(await client().send(new GetFunctionCommand({ FunctionName: 'echo' })))
      .toMatchObject({ Configuration: { State: 'Active', LastUpdateStatus: 'Successful', Timeout: 900 } });
    expect((await waitUntilFunctionActiveV2({ client: client(), maxWaitTime: 5 }, { FunctionName: 'echo' })).state).toBe('SUCCESS');
    await expect(client().send(new InvokeCommand({ FunctionName: 'other' }))).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(client().send(new InvokeCommand({ FunctionName: 'echo', Payload: '{' }))).rejects
      .toMatchObject({ name: 'InvalidRequestContentException' });
  });

  test('refuses whoever may not', async () => {
    const functionArn = define('echo', 'exports.handler = async event => event;');
    const caller = client(server.issue(role(allow('lambda:InvokeFunction', functionArn))));

    await caller.send(new InvokeCommand({ FunctionName: 'echo' }));
    await expect(caller.send(new InvokeCommand({ FunctionName: `${functionArn}:$LATEST` }))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(caller.send(new InvokeCommand({ FunctionName: 'other' }))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(caller.send(new GetFunctionCommand({ FunctionName: 'echo' }))).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });

  test('tries an asynchronous invocation three times, minutes apart', async () => {
    define('failing', "exports.handler = async () => { console.log(String(Date.now())); throw new Error('no'); };");
    const began = clock.now();

    const answer = await client().send(new InvokeCommand({ FunctionName: 'failing', InvocationType: 'Event' }));
    expect(answer.StatusCode).toBe(202);
    while (lambda.logs('failing').length < 3) { await sleep(5); }

    expect(lambda.logs('failing').map(time => Number(time) - began)).toEqual([0, 60_000, 180_000]);
  });

  test('lets one function invoke another, with its own role, while time goes on', async () => {
    const innerArn = define('inner', `${SLEEP} exports.handler = async seconds => { await sleep(seconds * 1000); return seconds; };`);
    const code = `const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda');
      exports.handler = async FunctionName => {
        const began = Date.now();
        const answer = await new LambdaClient({}).send(new InvokeCommand({ FunctionName, Payload: '800' }));
        return [JSON.parse(Buffer.from(answer.Payload)), Date.now() - began];
      };`;
    define('outer', code, { role: role(allow('lambda:InvokeFunction', innerArn)) });
    define('stranger', code);

    expect((await lambda.invoke('outer', innerArn)).payload).toEqual([800, 800_000]);
    expect((await lambda.invoke('stranger', innerArn)).payload).toMatchObject({ errorType: 'AccessDeniedException' });
  });

  test('gets by with one process for the function that works, if the others wait for it', async () => {
    await lambda.close();
    lambda = new Lambda(clock, server, { maxProcesses: 1 });
    server.add(lambda);
    define('inner', 'exports.handler = async n => n + 1;');
    define('outer', `const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda');
      exports.handler = async n => JSON.parse(Buffer.from(
        (await new LambdaClient({}).send(new InvokeCommand({ FunctionName: 'inner', Payload: String(n) }))).Payload));`,
    { role: role(allow('lambda:InvokeFunction', arn('lambda', 'function:inner'))) });

    expect((await Promise.all([1, 2, 3].map(n => lambda.invoke('outer', n)))).map(result => result.payload)).toEqual([2, 3, 4]);
  });
});

describe('what a function sends to CloudFormation', () => {
  test('arrives, though sent by https to a host that does not exist', async () => {
    const received: [string, string][] = [];
    server.receiveAt('/response/', (body, where) => received.push([where, body.toString()]));
    define('respond', `const https = require('https');
      const send = (...args) => new Promise((resolve, reject) => {
        const request = https.request(...args, response => { response.resume(); resolve(response.statusCode); });
        request.on('error', reject);
        request.end('{"Status":"SUCCESS"}');
      });
      const url = 'https://cloudformation-custom-resource-response.invalid/response/2';
      exports.handler = async () => [
        await send({ hostname: 'cloudformation-custom-resource-response.invalid', path: '/response/1', method: 'PUT', headers: { 'content-length': 20 } }),
        await send(url, { method: 'PUT' }),
        await send({ hostname: 'elsewhere.invalid', method: 'PUT' }).catch(error => error.code),
      ];`);

    expect((await lambda.invoke('respond')).payload).toEqual([200, 200, expect.stringMatching(/ENOTFOUND|EAI_AGAIN/)]);
    expect(received).toEqual([['/response/1', '{"Status":"SUCCESS"}'], ['/response/2', '{"Status":"SUCCESS"}']]);
  });
});

describe('code in this process', () => {
  test('has the time of the test until it is given back', async () => {
    const real = Date.now();
    const undo = installClock(clock);
    try {
      const began = Date.now();
      expect(began).toBe(clock.now());
      expect(await sleep(HOUR, 'value')).toBe('value');
      expect(new Date().getTime() - began).toBe(HOUR);
      await expect(sleep(HOUR, undefined, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    } finally {
      undo();
    }
    expect(Date.now() - real).toBeLessThan(HOUR);
    expect(Date.now()).not.toBe(clock.now());
  });
});

describe('the concurrency of the account', () => {
  const work = `${SLEEP} exports.handler = async ms => { await sleep(ms); return process.pid; };`;
  const Reason = 'ConcurrentInvocationLimitExceeded';

  test('refuses what is more, whichever function it is of, until there is room again', async () => {
    restart({ concurrency: 2 });
    define('one', work);
    define('two', work);

    const running = [lambda.invoke('one', 1000), lambda.invoke('two', 1000)];
    await expect(client().send(new InvokeCommand({ FunctionName: 'one', Payload: '1' }))).rejects.toMatchObject({ name: 'TooManyRequestsException', Reason });
    await Promise.all(running);
    expect((await lambda.invoke('one', 1)).functionError).toBeUndefined();
    expect(lambda.concurrency).toMatchObject({ peak: 2, refused: 1 });
  });

  test('is shared by those without a reserve, which has its own', async () => {
    restart({ concurrency: 3 });
    define('reserved', work, { reservedConcurrentExecutions: 2 });
    define('other', work);

    const running = [lambda.invoke('reserved', 1000), lambda.invoke('reserved', 1000), lambda.invoke('other', 1000)];
    await expect(lambda.invoke('other', 1)).rejects.toMatchObject({ code: 'TooManyRequestsException', members: { Reason } });
    await expect(lambda.invoke('reserved', 1)).rejects.toMatchObject({ members: { Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' } });
    await Promise.all(running);
  });

  test('is used twice by a function that invokes another', async () => {
    restart({ concurrency: 2 });
    const inner = define('inner', work);
    const code = `const { LambdaClient, InvokeCommand } = require('@aws-sdk/client-lambda');
      exports.handler = async () => { await new LambdaClient({}).send(new InvokeCommand({ FunctionName: 'inner', Payload: '5000' })); };`;
    define('outer', code, { role: role(allow('lambda:InvokeFunction', inner)) });

    await lambda.invoke('outer');
    expect(lambda.concurrency.peak).toBe(2);
    expect(lambda.concurrency.refused).toBe(0);
  });

  test('makes asynchronous invocations wait, for hours if need be, at intervals from a second to five minutes', async () => {
    restart({ concurrency: 1 });
    define('busy', work, { timeoutSeconds: 900 });
    define('queued', 'exports.handler = async () => { console.log(Date.now()); };');
    const begin = clock.now();
    const occupied = (async () => { for (let i = 0; i < 20; i++) { await lambda.invoke('busy', 899_000); } })();

    await Promise.all([occupied, lambda.enqueue('queued')]);

    const [ran, ...again] = lambda.logs('queued').map(Number);
    expect(again).toEqual([]);
    expect(ran - begin).toBeGreaterThanOrEqual(20 * 899_000);
    expect(ran - begin).toBeLessThan(20 * 899_000 + 300_000);
    // After 1, 2, 4 … 256 seconds, then every five minutes.
    expect(lambda.concurrency.refused).toBeLessThan(75);
  });

  test('drops an asynchronous invocation after six hours', async () => {
    restart({ concurrency: 0 });
    define('queued', 'exports.handler = async () => {};');
    const begin = clock.now();
    await lambda.enqueue('queued');
    expect(clock.now() - begin).toBeGreaterThan(5.9 * HOUR);
    expect(clock.now() - begin).toBeLessThanOrEqual(6 * HOUR);
    expect(lambda.invocations('queued')).toBe(0);
  });
});

describe('the limits of asynchronous invocations', () => {
  const failing = "exports.handler = async () => { throw new Error('no'); };";

  test.each([[0, 1], [1, 2], [2, 3]])('of %d retries runs what fails %d times', async (maximumRetryAttempts, times) => {
    define('failing', failing);
    lambda.configureEvents('failing', { maximumRetryAttempts });
    await lambda.enqueue('failing');
    expect(lambda.invocations('failing')).toBe(times);
  });

  test('of an age drop what is throttled for longer, and what failed by then', async () => {
    restart({ concurrency: 0 });
    define('queued', failing);
    lambda.configureEvents('queued', { maximumEventAgeSeconds: 3600 });
    const begin = clock.now();
    await lambda.enqueue('queued');
    expect(clock.now() - begin).toBeGreaterThan(HOUR - 300_000);
    expect(clock.now() - begin).toBeLessThanOrEqual(HOUR);

    restart({});
    define('failing', failing);
    lambda.configureEvents('failing', { maximumEventAgeSeconds: 100 });
    await lambda.enqueue('failing');
    expect(lambda.invocations('failing')).toBe(2);
  });

  test('end with the function', async () => {
    define('failing', failing);
    lambda.configureEvents('failing', { maximumRetryAttempts: 2 });
    const enqueued = lambda.enqueue('failing');
    while (lambda.invocations('failing') === 0) { await sleep(1); }
    lambda.delete('failing');
    await enqueued;
    expect(() => lambda.configureEvents('failing', {})).toThrow('Function not found');
  });

  test.each([
    [{ maximumEventAgeSeconds: 59 }, "'59' at 'maximumEventAgeInSeconds'"],
    [{ maximumEventAgeSeconds: 21_601 }, 'less than or equal to 21600'],
    [{ maximumRetryAttempts: 3 }, 'less than or equal to 2'],
    [{ maximumRetryAttempts: -1 }, 'greater than or equal to 0'],
  ])('cannot be %j', (config, message) => {
    define('failing', failing);
    expect(() => lambda.configureEvents('failing', config)).toThrow(message);
  });
});

describe('the network of a function process', () => {
  const MEGABYTE = 1_000_000;
  /** Sends requests to a service of the test, all at once, and returns the milliseconds after which each was answered. */
  const TRAFFIC = `${SLEEP}
    const http = require('node:http');
    const call = ({ sends = 0, receives = 0 }) => new Promise((resolve, reject) => {
      const begin = Date.now();
      const authorization = 'Credential=' + process.env.AWS_ACCESS_KEY_ID + '/20261101/eu-west-1/bulk/aws4_request';
      http.request(process.env.AWS_ENDPOINT_URL + '/' + receives, { method: 'PUT', headers: { authorization } }, response => {
        response.resume();
        response.on('end', () => resolve(Date.now() - begin));
      }).on('error', reject).end(Buffer.alloc(sends));
    });
    exports.handler = async calls => {
      const ticks = sleep(100).then(() => Date.now());
      const begin = Date.now();
      const took = await Promise.all(calls.map(call));
      return { took, tick: await ticks - begin };
    };`;

  beforeEach(() => server.add({
    signingName: 'bulk',
    operation: () => 'Put',
    refuse: error => { throw error; },
    handle: async ({ path: place }) => ({ status: 200, body: Buffer.alloc(Number(place.slice(1))) }),
  }));

  const traffic = async (...calls: { sends?: number; receives?: number }[]) => {
    define('traffic', TRAFFIC);
    return (await lambda.invoke('traffic', calls)).payload as { took: number[]; tick: number };
  };

  test('carries everything at once, unless the world is told otherwise', async () => {
    expect((await traffic({ sends: 75 * MEGABYTE })).took).toEqual([0]);
  });

  test('carries 600 Mbit/s in each direction, one request after another, while timers go on', async () => {
    restart({ network: {} });
    const { took, tick } = await traffic({ sends: 15 * MEGABYTE }, { sends: 15 * MEGABYTE }, { receives: 30 * MEGABYTE });
    expect(took.sort((a, b) => a - b)).toEqual([200, 400, 400]);
    expect(tick).toBe(100);
  });

  test('carries that much of both directions together, as an option', async () => {
    restart({ network: { shared: true } });
    expect((await traffic({ sends: 15 * MEGABYTE, receives: 15 * MEGABYTE })).took).toEqual([400]);
  });

  test('is one for each process', async () => {
    restart({ network: { megabitsPerSecond: 8 } });
    define('traffic', TRAFFIC);
    const both = await Promise.all([1, 2].map(() => lambda.invoke('traffic', [{ sends: MEGABYTE }])));
    expect(both.map(({ payload }) => (payload as { took: number[] }).took)).toEqual([[1_000], [1_000]]);
  });

  test('counts small requests, though they do not wait', async () => {
    restart({ network: {} });
    const { took } = await traffic(...Array.from({ length: 1_000 }, () => ({ sends: 7_500 })), { sends: 7_500_000 });
    expect(took.slice(0, -1)).toEqual(Array(1_000).fill(0));
    expect(took.at(-1)).toBeGreaterThanOrEqual(200);
    expect(took.at(-1)).toBeLessThanOrEqual(201);
  });
});

describe('an invocation', () => {
  test('takes the time of a cold start, then of a warm one', async () => {
    restart({ coldStart: 500, invocation: 10 });
    define('clock', 'exports.handler = async (_, context) => [Date.now(), context.getRemainingTimeInMillis()];', { timeoutSeconds: 7 });
    const begin = clock.now();

    expect((await lambda.invoke('clock')).payload).toEqual([begin + 510, 7000]);
    expect((await lambda.invoke('clock')).payload).toEqual([begin + 520, 7000]);
  });

  test('of one event that arrives twice at once runs in two processes at once', async () => {
    restart({ coldStart: 500 });
    define('twice', `${SLEEP} exports.handler = async () => { console.log(process.pid, 'begins'); await sleep(1000); console.log(process.pid, 'ends'); };`);

    await Promise.all([lambda.enqueue('twice', { same: true }), lambda.enqueue('twice', { same: true })]);

    const lines = lambda.logs('twice').map(line => line.split(' '));
    expect(lines.map(([, what]) => what)).toEqual(['begins', 'begins', 'ends', 'ends']);
    expect(new Set(lines.map(([pid]) => pid)).size).toBe(2);
  });

  test('whose process is killed before the handler runs fails as a killed one', async () => {
    restart({ coldStart: 60_000 });
    define('young', 'exports.handler = async () => 1;');
    const invoked = lambda.invoke('young');
    expect(lambda.kill('young')).toBe(1);
    expect((await invoked).payload).toMatchObject({ errorType: 'Runtime.ExitError' });
  });
});
