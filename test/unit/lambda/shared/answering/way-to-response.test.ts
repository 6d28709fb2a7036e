import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SECRET, SIGNED } from './given';
import { wayFrom } from '../../../../../lambda/shared/answering/way-to-response';

// The response host is a local server, which speaks HTTP.
jest.mock('node:https', () => ({ request: (...args: any[]) => jest.requireActual('node:http').request(...args) }));

const HOST = 'cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com';
let server: Server | undefined;
const logged = () => JSON.stringify((console.log as jest.Mock).mock.calls);

beforeEach(() => { jest.spyOn(console, 'log').mockImplementation(() => {}); });
afterEach(async () => {
  jest.useRealTimers();
  server?.closeAllConnections();
  await new Promise(resolve => server ? server.close(resolve) : resolve(undefined));
  server = undefined;
  expect(logged()).not.toContain(SECRET);
  jest.restoreAllMocks();
});

async function listen(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  await new Promise<void>(resolve => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path?X-Amz-Signature=${SECRET}`;
}

test('the first event of a process asks the host, without the signature, and any answer will do', async () => {
  const asked: string[] = [];
  const url = await listen(({ method, url: path }, response) => {
    asked.push(`${method} ${path}`);
    response.writeHead(403).end();
  });
  const check = wayFrom('vpc-1', 'eu-west-1');
  await check(url);
  await check(url);
  expect(asked).toEqual(['HEAD /path']);
  expect(console.log).not.toHaveBeenCalled();
});

test('a host that cannot be reached is logged once, with the VPC and what it lacks', async () => {
  const reach = jest.fn().mockRejectedValue(new Error('connect ETIMEDOUT'));
  const check = wayFrom('vpc-1', 'eu-west-1', reach);
  await check(SIGNED);
  await check(SIGNED);
  expect(reach.mock.calls).toEqual([[`https://${HOST}/path`]]);
  expect(console.log).toHaveBeenCalledTimes(1);
  expect(logged()).toContain(`no connection from vpc-1 to ${HOST} (connect ETIMEDOUT), so CloudFormation gets no answer`);
  expect(logged()).toMatch(/gateway endpoint of s3 .* whose policy allows s3:PutObject to cloudformation-custom-resource-response-euwest1;/);
});

test('a host that says nothing is given up after three seconds', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const url = await listen(() => jest.advanceTimersByTime(3_000));
  await wayFrom('vpc-1', 'eu-west-1')(url);
  expect(logged()).toContain('(no answer for 3 seconds)');
});
