import { belongsTo, ownershipTags, refuseReservedTags, tagChanges, valueOf } from '../../../../lambda/shared/ownership';
import { OWNERSHIP_TAG_PREFIX, OWNERSHIP_TAGS } from '../../../../src/contract/ownership';
import { contextWith } from '../given';

const context = contextWith('forward', { logicalId: 'Files' });
const tags = ownershipTags({ Owner: 'Stack/Files', RemovalPolicy: 'Delete' }, context);
const tag = (Key: string, Value: string) => ({ Key, Value });

test('the tags of a new resource name its stack, its construct, its identity and the request that made it', () => {
  expect(Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]))).toEqual({
    [OWNERSHIP_TAGS.stackId]: 'stack',
    [OWNERSHIP_TAGS.owner]: 'Stack/Files',
    [OWNERSHIP_TAGS.logicalId]: 'Files',
    [OWNERSHIP_TAGS.identity]: 'digest',
    [OWNERSHIP_TAGS.requestId]: 'request',
  });
});

test('a resource belongs to the stack and the logical id in its tags', () => {
  expect(belongsTo(tags, context)).toBe(true);
  expect(belongsTo(tags, { ...context, stackId: 'another' })).toBe(false);
  expect(belongsTo(tags, { ...context, logicalId: 'Other' })).toBe(false);
  expect(belongsTo([], context)).toBe(false);
  expect(belongsTo(undefined, context)).toBe(false);
});

test('the value of a tag is undefined if there is none', () => {
  expect(valueOf([tag('a', '1')], 'a')).toBe('1');
  expect(valueOf([tag('a', '1')], 'b')).toBeUndefined();
  expect(valueOf(undefined, 'a')).toBeUndefined();
});

describe('tag changes', () => {
  test('set what is missing or different, and leave other tags', () => {
    expect(tagChanges([tag('a', '1'), tag('b', 'old'), tag('foreign', 'x')], [tag('a', '1'), tag('b', '2'), tag('c', '3')]))
      .toEqual({ set: [tag('b', '2'), tag('c', '3')], remove: [] });
  });

  test('remove a former tag that is not wanted any longer, unless somebody else has changed it', () => {
    expect(tagChanges([tag('a', '1'), tag('b', 'changed')], [], [tag('a', '1'), tag('b', '2'), tag('gone', '3')])).toEqual({ set: [], remove: ['a'] });
  });

  test('do not remove a key that gets another value', () => {
    expect(tagChanges([tag('a', '1')], [tag('a', '2')], [tag('a', '1')])).toEqual({ set: [tag('a', '2')], remove: [] });
  });
});

test('tags of a user must not have the keys of this library', () => {
  expect(() => refuseReservedTags([tag('Name', 'x'), tag(`${OWNERSHIP_TAG_PREFIX}stack`, 'y')])).toThrow(
    `'tags' must not have keys that begin with ${OWNERSHIP_TAG_PREFIX}, got ${OWNERSHIP_TAG_PREFIX}stack`);
  expect(() => refuseReservedTags([tag('Name', 'x')])).not.toThrow();
  expect(() => refuseReservedTags()).not.toThrow();
});
