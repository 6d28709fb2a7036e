import { releaseParent } from '../../../../../lambda/transfer/parent/use';

test('a step that died after it had deleted a condemned parent is finished by the next one', async () => {
  const removed: string[] = [];
  const aws = {
    snapshots: { find: async () => undefined },
    store: { creation: async (id: string) => ({ id, state: 'condemned' }), remove: async (id: string) => { removed.push(id); } },
  };
  await releaseParent(aws as any, 'snap-parent', 'snap-child');
  expect(removed).toEqual(['snap-parent']);
});

test('the record of a parent that is not condemned stays, although EC2 does not list it', async () => {
  const removed: string[] = [];
  const aws = {
    snapshots: { find: async () => undefined },
    store: { creation: async (id: string) => ({ id }), remove: async (id: string) => { removed.push(id); } },
  };
  await releaseParent(aws as any, 'snap-parent', 'snap-child');
  expect(removed).toEqual([]);
});
