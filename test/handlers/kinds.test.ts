/** The contract between CloudFormation and a handler, for every custom resource. */
import { EBS_RESOURCE_TYPES, EFS_RESOURCE_TYPES } from '../../src/contract/resource-types';
import { KINDS, type Kind } from '../harness/kinds';
import type { Stack } from '../harness/stack';

const TYPES = [...EFS_RESOURCE_TYPES, ...EBS_RESOURCE_TYPES];

test('every custom resource is tried here', () => {
  expect(Object.keys(KINDS).sort()).toEqual([...TYPES].sort());
});

describe.each(TYPES)('%s', type => {
  let kind: Kind;
  let stack: Stack;
  beforeEach(async () => {
    kind = await KINDS[type]();
    stack = kind.stack('Stack');
  });
  afterEach(() => kind.close());

  /** Makes a resource, which CloudFormation then lists. */
  async function made(by: Stack, owner: string): Promise<string> {
    await by.deploy(kind.properties(owner));
    kind.stacks.resources.set(by.physicalId!, { stackId: by.stackId, logicalId: owner.split('/')[1], type });
    return by.physicalId!;
  }
  const remove = (by: Stack, owner: string, PhysicalResourceId: string, more: object = {}) =>
    by.play(by.event('Delete', kind.properties(owner), { PhysicalResourceId, ...more }));

  test('a Create that is repeated with its request id answers the same id, and makes nothing twice', async () => {
    stack.onStatus?.('CREATE_IN_PROGRESS');
    const event = stack.event('Create', kind.properties('Stack/Thing'));
    const first = await stack.play(event);
    const before = kind.picture();
    expect(await stack.play(event)).toEqual(first);
    expect(kind.picture()).toEqual(before);
  });

  test('a Create and a Delete that arrive twice before they are done leave nothing more than once', async () => {
    const untouched = kind.picture();
    stack.deliveries = 2;
    await made(stack, 'Stack/Thing');
    await stack.destroy();
    if (!kind.leavesSomething) { expect(kind.picture()).toEqual(untouched); }
  });

  test('a Delete of what was never made succeeds, and deletes nothing', async () => {
    const id = await made(stack, 'Stack/Thing');
    const form = (some: string) => some.replace(/[0-9a-f]{8,}/g, '#');
    expect(form(kind.unknownId)).toBe(form(id));
    const before = kind.picture();
    const others = kind.stack('Other');
    for (const [by, name] of [[stack, 'Stack'], [others, 'Other']] as const) {
      for (const never of [kind.unknownId, 'failed-0123456789abcdef', `${name}-Thing-1ABCDEFGH2IJK`]) {
        expect((await remove(by, `${name}/Thing`, never)).id).toBe(never);
        expect(kind.picture()).toEqual(before);
      }
    }
  });

  test('a Delete takes away what was made, and a second one succeeds', async () => {
    const untouched = kind.picture();
    const id = await made(stack, 'Stack/Thing');
    if (!kind.makesNothing) { expect(kind.picture()).not.toEqual(untouched); }
    stack.onStatus?.('DELETE_IN_PROGRESS');
    await remove(stack, 'Stack/Thing', id);
    const left = kind.picture();
    if (!kind.leavesSomething) { expect(left).toEqual(untouched); }
    await remove(stack, 'Stack/Thing', id);
    expect(kind.picture()).toEqual(left);
  });

  test('an Update without changes answers the same id, and changes nothing', async () => {
    const PhysicalResourceId = await made(stack, 'Stack/Thing');
    const before = kind.picture();
    stack.onStatus?.('UPDATE_IN_PROGRESS');
    const event = stack.event('Update', kind.properties('Stack/Thing'), { PhysicalResourceId });
    expect((await stack.play({ ...event, OldResourceProperties: event.ResourceProperties })).id).toBe(PhysicalResourceId);
    expect(kind.picture()).toEqual(before);
  });

  test('a Delete by another stack with the id of this one leaves it', async () => {
    const id = await made(stack, 'Stack/Thing');
    const before = kind.picture();
    const other = kind.stack('Other');
    other.onStatus?.('DELETE_IN_PROGRESS');
    // Sent long ago, because what may still be in use is not deleted at once.
    await remove(other, 'Other/Thing', id, { Since: `${Date.now() - 60_000}` });
    expect(kind.picture()).toEqual(before);
  });

  test.each(['Other/Thing', 'Stack/Twin'])('%s comes with equal values and goes, and leaves Stack/Thing as it is', async owner => {
    await made(stack, 'Stack/Thing');
    const before = kind.picture();
    const [name, logicalId] = owner.split('/');
    const other = kind.stack(name, logicalId, name === 'Stack' ? stack.stackId : undefined);
    if (kind.isExclusive) {
      // Its rollback deletes the failed creation.
      await expect(other.deploy(kind.properties(owner))).rejects.toThrow();
    } else {
      await made(other, owner);
      await other.destroy();
    }
    expect(kind.picture()).toEqual(before);
  });
});
