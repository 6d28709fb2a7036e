import { GetResourcesCommand, ResourceGroupsTaggingAPIClient, type GetResourcesCommandInput } from '@aws-sdk/client-resource-groups-tagging-api';
import { Clock } from '../../../world/emulator/clock';
import { ACCOUNT, arn, REGION } from '../../../world/emulator/environment';
import { Principal } from '../../../world/emulator/iam';
import { EmulatorServer } from '../../../world/emulator/server';
import { Tagging, type TaggedResource } from '../../../world/emulator/tagging';

let clock: Clock;
let server: EmulatorServer;
let client: ResourceGroupsTaggingAPIClient;
let resources: TaggedResource[];
beforeEach(async () => {
  clock = new Clock();
  server = new EmulatorServer(clock);
  resources = [];
  server.add(new Tagging(clock, () => resources, { delaySeconds: 30, pageSize: 2 }));
  await server.listen();
  client = new ResourceGroupsTaggingAPIClient({ endpoint: server.url, region: REGION, credentials: EmulatorServer.ADMIN, maxAttempts: 1 });
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

function add(name: string, tags: Record<string, string>): void {
  resources.push({ arn: arn('elasticfilesystem', name), tags, createdAt: new Date(clock.now()) });
}
async function find(input: GetResourcesCommandInput = {}): Promise<string[]> {
  const found: string[] = [];
  let PaginationToken: string | undefined;
  do {
    const page = await client.send(new GetResourcesCommand({ ...input, PaginationToken }));
    found.push(...page.ResourceTagMappingList!.map(({ ResourceARN }) => ResourceARN!.split(':').pop()!));
    PaginationToken = page.PaginationToken || undefined;
  } while (PaginationToken);
  return found;
}

test('finds what has all of the tags and is of the type, page by page, a while after it was made', async () => {
  add('file-system/fs-1', { a: '1', b: '1' });
  add('file-system/fs-2', { a: '1' });
  add('file-system/fs-3', { a: '2' });
  add('file-system/fs-4', {});
  add('access-point/fsap-1', { a: '1' });
  expect(await find()).toEqual([]);
  clock.advance(30_000);
  expect(await find()).toEqual(['file-system/fs-1', 'file-system/fs-2', 'file-system/fs-3', 'access-point/fsap-1']);
  expect(await find({ ResourceTypeFilters: ['elasticfilesystem:file-system'], TagFilters: [{ Key: 'a', Values: ['1', '3'] }] }))
    .toEqual(['file-system/fs-1', 'file-system/fs-2']);
  expect(await find({ TagFilters: [{ Key: 'a', Values: ['1'] }, { Key: 'b' }] })).toEqual(['file-system/fs-1']);
});

test('is refused to whom it is not allowed', async () => {
  const credentials = server.issue(new Principal(`arn:aws:sts::${ACCOUNT}:assumed-role/handler/session`, () => []));
  const other = new ResourceGroupsTaggingAPIClient({ endpoint: server.url, region: REGION, credentials, maxAttempts: 1 });
  await expect(other.send(new GetResourcesCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' });
  other.destroy();
});
