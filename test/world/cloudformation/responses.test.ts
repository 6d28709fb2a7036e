import { custom, Fixture } from './fixture';
import { KILLED_AFTER, KILLED_BEFORE, RESPONSE_HOST_BUSY } from '../../../world/emulator/faults';

let fixture: Fixture;
beforeEach(async () => { fixture = await Fixture.start(); });
afterEach(() => fixture.close());
afterAll(() => Fixture.cleanUp());

const event = (index = 0) => fixture.delivered[index].event;
/** Sends an answer to a ResponseURL as somebody who is not a function. */
const put = async (responseUrl: string, body: object | string = {}, init: RequestInit = {}) => {
  const { pathname, search } = new URL(responseUrl);
  const response = await fetch(fixture.emulator.server.url + pathname + search, { method: 'PUT', body: typeof body === 'string' ? body : JSON.stringify(body), ...init });
  return { status: response.status, text: await response.text() };
};
const answerTo = ({ StackId, RequestId, LogicalResourceId }: any, PhysicalResourceId: string) =>
  ({ Status: 'SUCCESS', PhysicalResourceId, StackId, RequestId, LogicalResourceId });
/** Waits in real time until so many events were delivered, while a deployment goes on. */
const deliveries = async (count: number) => { while (fixture.delivered.length < count) { await new Promise(resolve => setImmediate(resolve)); } };

describe('a ResponseURL', () => {
  test('is presigned for the stack, the resource and the request, from when it was sent', async () => {
    const sent = new Date(fixture.emulator.clock.now());
    const { stackId } = await fixture.deploy({ A: custom() });
    const { protocol, pathname, searchParams } = new URL(event().ResponseURL);
    expect(protocol).toBe('https:');
    expect(pathname).toContain(`/${stackId.replaceAll(':', '%3A')}%7CA%7C${event().RequestId}`);
    expect(pathname).not.toContain(':');
    const time = sent.toISOString().replace(/[-:]|\.\d+/g, '');
    expect([...searchParams]).toEqual([
      ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
      ['X-Amz-Date', time],
      ['X-Amz-SignedHeaders', 'host'],
      ['X-Amz-Expires', '7200'],
      ['X-Amz-Credential', expect.stringMatching(new RegExp(`^AKIA[A-Z0-9]+/${time.slice(0, 8)}/eu-west-1/s3/aws4_request$`))],
      ['X-Amz-Signature', expect.stringMatching(/^[0-9a-f]{64}$/)],
    ]);
  });

  test('is another for each event', async () => {
    await fixture.deploy({ A: custom(), B: custom() });
    expect(event(0).ResponseURL).not.toBe(event(1).ResponseURL);
  });

  test('takes one answer; later ones change nothing', async () => {
    const deploying = fixture.deploy({ A: custom({ CreateSeconds: 100 }) });
    await deliveries(1);
    expect((await put(event().ResponseURL, answerTo(event(), 'first'))).status).toBe(200);
    expect((await put(event().ResponseURL, answerTo(event(), 'second'))).status).toBe(200);
    expect((await deploying).resources.A.physicalId).toBe('first');
  });

  test('takes an answer that nobody reads, because the creation was cancelled', async () => {
    const { status } = await fixture.deploy({ A: custom({ CreateSeconds: 100 }), B: custom({ CreateSeconds: 10, Fail: 'Create' }) });
    expect(status).toBe('ROLLBACK_COMPLETE');
    const cancelled = fixture.delivered.find(({ event: { RequestType, LogicalResourceId } }) => RequestType === 'Create' && LogicalResourceId === 'A')!;
    expect(await put(cancelled.event.ResponseURL)).toEqual({ status: 200, text: '' });
  });

  test('expires after two hours', async () => {
    await fixture.deploy({ A: custom() });
    fixture.emulator.clock.advance(7200_000);
    expect((await put(event().ResponseURL)).status).toBe(200);
    fixture.emulator.clock.advance(1000);
    expect(await put(event().ResponseURL)).toEqual({
      status: 403, text: expect.stringContaining('<Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>7200</X-Amz-Expires>'),
    });
  });

  test.each<[string, (url: string) => string]>([
    ['signature', url => url.replace(/.$/, end => end === '0' ? '1' : '0')],
    ['date', url => url.replace(/X-Amz-Date=2/, 'X-Amz-Date=3')],
    ['resource', url => url.replace('%7CA%7C', '%7CB%7C')],
    ['query', url => url.replace(/\?.*/, '')],
  ])('cannot be used with another %s', async (_, change) => {
    await fixture.deploy({ A: custom() });
    expect(await put(change(event().ResponseURL))).toEqual({ status: 403, text: expect.stringContaining('<Code>SignatureDoesNotMatch</Code>') });
  });

  test('cannot be used with another method, or with a body of unknown length', async () => {
    await fixture.deploy({ A: custom() });
    expect((await put(event().ResponseURL, '{}', { method: 'POST' })).status).toBe(403);
    const chunked = { body: new Blob(['{}']).stream(), duplex: 'half' } as RequestInit;
    expect(await put(event().ResponseURL, '', chunked)).toEqual({ status: 501, text: expect.stringContaining('<Code>NotImplemented</Code>') });
  });
});

describe('the response host', () => {
  /** Puts the answer again each second until it arrives. */
  const code = `
    const { setTimeout: sleep } = require('node:timers/promises');
    exports.handler = async ({ ResponseURL, StackId, RequestId, LogicalResourceId }) => {
      const { hostname, pathname, search } = new URL(ResponseURL);
      const body = JSON.stringify({ Status: 'SUCCESS', PhysicalResourceId: 'a', StackId, RequestId, LogicalResourceId });
      const put = () => new Promise((resolve, reject) => require('node:https')
        .request({ hostname, path: pathname + search, method: 'PUT' }, response => { response.resume(); resolve(response.statusCode); })
        .on('error', reject).end(body));
      for (;;) {
        const status = await put().catch(error => error.code);
        console.log(status);
        if (status === 200) { return; }
        await sleep(1000);
      }
    };`;
  const resources = () => ({
    Patient: {
      Type: 'AWS::Lambda::Function',
      Properties: { Runtime: 'nodejs24.x', Handler: 'index.handler', Timeout: 120, Role: { 'Fn::GetAtt': ['HandlerRole', 'Arn'] }, Code: { ZipFile: code } },
    },
    A: { Type: 'Custom::Thing', Properties: { ServiceToken: { 'Fn::GetAtt': ['Patient', 'Arn'] }, ServiceTimeout: 600 } },
  });
  const logs = async () => {
    const { resources: { Patient } } = fixture.cloudFormation.describe('S');
    return fixture.emulator.lambda.logs(Patient.physicalId);
  };

  test('may be busy', async () => {
    fixture.emulator.server.faults.inject('response:Put', RESPONSE_HOST_BUSY, { times: 3 });
    expect((await fixture.deploy(resources())).status).toBe('CREATE_COMPLETE');
    await fixture.emulator.clock.sleep(5000);
    expect(await logs()).toEqual(['503', '503', '503', '200']);
    expect(fixture.emulator.server.count('response:Put')).toBe(4);
  });

  test('may lose an answer after it arrived, or before', async () => {
    fixture.emulator.server.faults.inject('response:Put', { kind: 'reset' });
    fixture.emulator.server.faults.inject('response:Put', { kind: 'lost-answer' });
    expect((await fixture.deploy(resources())).status).toBe('CREATE_COMPLETE');
    await fixture.emulator.clock.sleep(5000);
    expect(await logs()).toEqual(['ECONNRESET', 'ECONNRESET', '200']);
  });

  test.each([
    ['after its answer arrived', KILLED_AFTER, 0],
    ['before its answer arrives', KILLED_BEFORE, 60],
  ])('may see a function killed %s, which Lambda runs again', async (_, fault, seconds) => {
    fixture.emulator.server.faults.inject('response:Put', fault);
    expect((await fixture.deploy(resources())).status).toBe('CREATE_COMPLETE');
    expect(fixture.seconds).toBe(seconds);
    await fixture.emulator.clock.sleep(65_000);
    expect(await logs()).toEqual(['200']);
    const { resources: { Patient } } = fixture.cloudFormation.describe('S');
    expect(fixture.emulator.lambda.invocations(Patient.physicalId)).toBe(2);
  });
});

describe('an event', () => {
  test('may be sent anew with the same RequestId and another ResponseURL, and only the answer to that counts', async () => {
    const deploying = fixture.deploy({ A: custom({ Id: 'a', CreateSeconds: 100 }) }, { resend: 'A', resendDelay: 30 });
    const outcome = await deploying;
    expect(fixture.delivered.map(({ seconds }) => seconds)).toEqual([0, 30]);
    expect(event(1)).toEqual({ ...event(0), ResponseURL: expect.stringContaining('X-Amz-Signature') });
    expect(event(1).ResponseURL).not.toBe(event(0).ResponseURL);
    expect(new URL(event(1).ResponseURL).searchParams.get('X-Amz-Date')).not.toBe(new URL(event(0).ResponseURL).searchParams.get('X-Amz-Date'));
    expect(outcome.status).toBe('CREATE_COMPLETE');
    expect(fixture.seconds).toBe(130);
    expect(fixture.emulator.server.count('response:Put')).toBe(2);
  });

  test('is not sent anew if it was answered', async () => {
    await fixture.deploy({ A: custom({ CreateSeconds: 10 }) }, { resend: 'A' });
    await fixture.emulator.clock.sleep(100_000);
    expect(fixture.story).toEqual(['Create A']);
  });

  test('may have the RequestId of the deployment before, if that is tried again', async () => {
    await fixture.deploy({ A: custom({ Id: 'a' }) });
    await fixture.deploy({ A: custom({ Id: 'a', Size: 2, Fail: 'Update' }) });
    await fixture.deploy({ A: custom({ Id: 'a', Size: 2 }) }, { reuseRequestIds: true });
    await fixture.deploy({ A: custom({ Id: 'a', Size: 3 }) });
    const requestIds = fixture.delivered.map(({ event: { RequestId } }) => RequestId);
    expect(fixture.story).toEqual(['Create A', 'Update A a', 'Update A a', 'Update A a', 'Update A a']);
    expect(requestIds[3]).toBe(requestIds[1]);
    expect(new Set(requestIds).size).toBe(4);
    expect(event(3).ResponseURL).not.toBe(event(1).ResponseURL);
  });
});
