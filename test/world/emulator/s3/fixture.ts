/** What the tests of the emulated S3 share: the emulator, clients of it, and the two calls that every test makes. */
import { createHash } from 'crypto';
import {
  GetObjectCommand, PutObjectCommand, S3Client, type GetObjectCommandInput, type PutObjectCommandInput, type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Clock } from '../../../../world/emulator/clock';
import { ACCOUNT } from '../../../../world/emulator/environment';
import { Principal, type Statement } from '../../../../world/emulator/iam';
import { Kms } from '../../../../world/emulator/kms';
import { S3 } from '../../../../world/emulator/s3';
import { EmulatorServer, type Credentials } from '../../../../world/emulator/server';

export const ROLE = `arn:aws:iam::${ACCOUNT}:role/handler`;
export const B = 'images';
export const MIB = 1024 * 1024;

export let clock: Clock;
export let server: EmulatorServer;
export let kms: Kms;
export let s3: S3;
export let admin: S3Client;
let clients: S3Client[];

/** Starts the emulator before each test of a file, and ends it after. */
export function useEmulator(): void {
  beforeEach(async () => {
    clock = new Clock();
    server = new EmulatorServer(clock);
    kms = new Kms(clock);
    s3 = new S3(clock, kms);
    server.add(s3);
    await server.listen();
    clients = [];
    admin = client();
  });

  afterEach(async () => {
    clients.forEach(one => one.destroy());
    await server.close();
  });
}

/** Acts as a role with these statements; as the administrator without. */
export function client(statements?: Statement[], arn = ROLE): S3Client {
  const credentials = statements ? server.issue(new Principal(arn, () => statements)) : EmulatorServer.ADMIN;
  return connect({ endpoint: server.url, region: 'eu-west-1', credentials });
}

/** A client that is destroyed after the test; what is not given comes from the environment. */
export function connect(config: S3ClientConfig = {}): S3Client {
  const made = new S3Client({ ...config, maxAttempts: 1 });
  clients.push(made);
  return made;
}

export function allow(Action: string | string[], Resource: string | string[], more: Partial<Statement> = {}): Statement {
  return { Effect: 'Allow', Action, Resource, ...more };
}

export const put = (Key: string, Body: string | Buffer, more: Partial<PutObjectCommandInput> = {}, by = admin) =>
  by.send(new PutObjectCommand({ Bucket: B, Key, Body, ...more }));
export const get = async (Key: string, more: Partial<GetObjectCommandInput> = {}, by = admin) => {
  const answer = await by.send(new GetObjectCommand({ Bucket: B, Key, ...more }));
  return { ...answer, bytes: Buffer.from(await answer.Body!.transformToByteArray()) };
};
export const error = (name: string, httpStatusCode: number) => ({ name, $metadata: expect.objectContaining({ httpStatusCode }) as unknown });
export const md5 = (data: string | Buffer) => createHash('md5').update(data).digest('hex');

/** Runs something as a function's process would: with an environment and nothing else. */
export async function withEnvironment({ accessKeyId, secretAccessKey }: Credentials, run: () => Promise<void>): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: server.url, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });
  try {
    await run();
  } finally {
    process.env = before;
  }
}

/** A request that the SDK would not make. */
export async function raw(method: string, path: string, headers: Record<string, string>, body?: string): Promise<Response & { content: string }> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    body,
    headers: { authorization: 'AWS4-HMAC-SHA256 Credential=test/20261101/eu-west-1/s3/aws4_request, Signature=x', ...headers },
  });
  return Object.assign(response, { content: await response.text() });
}
