import { EBSClient, PutSnapshotBlockCommand } from '@aws-sdk/client-ebs';
import { signedHeaders } from '../../../../../lambda/transfer/http/signature-v4';

/** What the SDK would send, as its own signer leaves it. */
async function signedBySdk(client: EBSClient): Promise<{ method: string; path: string; headers: Record<string, string> }> {
  const command = new PutSnapshotBlockCommand({
    SnapshotId: 'snap-0123456789abcdef0', BlockIndex: 7, BlockData: Buffer.alloc(8), DataLength: 524288, Checksum: 'c2hh', ChecksumAlgorithm: 'SHA256',
  });
  let sent: any;
  command.middlewareStack.add(() => async args => {
    sent = args.request;
    return { response: undefined, output: { $metadata: {} } };
  }, { step: 'deserialize', priority: 'high' });
  await client.send(command);
  return sent;
}

test.each([
  ['with a session token', { sessionToken: 'a/session+token==' }],
  ['without a session token', {}],
])('a signature %s is the one that the SDK makes', async (_, more) => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', ...more };
  for (const endpoint of [undefined, 'https://127.0.0.1:8443/some folder/']) {
    const { method, path, headers } = await signedBySdk(new EBSClient({ region: 'eu-central-1', credentials, endpoint }));
    const { authorization, 'x-amz-date': date, 'x-amz-security-token': token, ...unsigned } = headers;
    const now = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));

    const signed = signedHeaders({ method, path, headers: unsigned }, { region: 'eu-central-1', service: 'ebs', credentials, now });

    expect(signed.authorization).toBe(authorization);
    expect(signed).toMatchObject({ 'x-amz-date': date, ...(token && { 'x-amz-security-token': token }) });
    expect(unsigned['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('other credentials, or another day, make another signature', () => {
  const sign = (secretAccessKey: string, now: number) => signedHeaders(
    { method: 'PUT', path: '/', headers: { 'host': 'ebs', 'x-amz-content-sha256': '0' } },
    { region: 'eu-central-1', service: 'ebs', credentials: { accessKeyId: 'key', secretAccessKey }, now },
  ).authorization;
  const noon = Date.UTC(2026, 10, 21, 12);
  const [first, renewed, tomorrow, again] = [sign('a', noon), sign('b', noon), sign('a', noon + 86_400_000), sign('a', noon)];
  expect(new Set([first, renewed, tomorrow]).size).toBe(3);
  expect(again).toBe(first);
});
