import { Agent } from 'node:http';
import { Socket } from 'node:net';
import { EBSClient, ListSnapshotBlocksCommand } from '@aws-sdk/client-ebs';
import { ConnectionHandler } from '../../../../lambda/shared/connection';
import { passesByItself } from '../../../../lambda/shared/retry';

/** What `connect` makes of a socket that is not connected yet. */
function failing(connect: (socket: Socket) => void): Promise<any> {
  const httpAgent = new Agent();
  httpAgent.createConnection = () => {
    const socket = Object.assign(new Socket(), { connecting: true });
    connect(socket);
    return socket;
  };
  const client = new EBSClient({
    endpoint: 'http://ebs.eu-west-1.amazonaws.com',
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: new ConnectionHandler({ connectionTimeout: 20, httpAgent }),
  });
  return client.send(new ListSnapshotBlocksCommand({ SnapshotId: 'snap-1' })).then(() => { throw new Error('it is connected'); }, error => error);
}

test.each<[string, (socket: Socket) => void]>([
  ['nobody answers', () => {}],
  ['no route leads', socket => void setImmediate(() => socket.destroy(Object.assign(new Error('connect ENETUNREACH'), { code: 'ENETUNREACH' })))],
])('where %s, the error names the service, and is retried', async (_, connect) => {
  const error = await failing(connect);
  expect(error.message).toMatch(/^no connection to ebs \(ebs\.eu-west-1\.amazonaws\.com\); functions in a VPC need a NAT gateway, or an endpoint of ebs /);
  expect(passesByItself(error)).toBe(true);
});

test.each(['ECONNRESET', 'ETIMEDOUT'])('a connection that breaks is another matter: %s', async code => {
  const error = await failing(socket => void setImmediate(() => socket.destroy(Object.assign(new Error(`read ${code}`), { code, syscall: 'read' }))));
  expect(error.message).not.toContain('no connection');
});
