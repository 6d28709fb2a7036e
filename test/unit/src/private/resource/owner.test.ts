import { App, NestedStack, Stack, Stage } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ownerOf, ownerPrefix } from '../../../../../src/private/resource/owner';

function pathBelow(scope: Construct, ...ids: string[]): Construct {
  return ids.reduce((parent, id) => new Construct(parent, id), scope);
}

test('the owner is the path in the root stack, below its name', () => {
  const stack = new Stack(new App(), 'Stack', { stackName: 'prod' });
  const nested = new NestedStack(pathBelow(stack, 'A'), 'Nested');

  expect(ownerOf(pathBelow(stack, 'B', 'Fs'))).toBe('prod/B/Fs');
  expect(ownerOf(pathBelow(nested, 'Fs'))).toBe('prod/A/Nested/Fs');
  expect(ownerPrefix(nested)).toBe('prod/');
});

test('the owner stays the same in another app or stage', () => {
  const inStage = new Stack(new Stage(new App(), 'Stage'), 'Other', { stackName: 'prod' });
  const alone = new Stack(undefined, 'Root', { stackName: 'prod' });

  expect(ownerOf(pathBelow(inStage, 'Fs'))).toBe('prod/Fs');
  expect(ownerOf(pathBelow(alone, 'Fs'))).toBe('prod/Fs');
});

test('a long owner is shortened, keeps its beginning, and stays different from others', () => {
  const stack = new Stack(new App(), 'Stack');
  const long = 'x'.repeat(200);
  const parent = new Construct(stack, long);
  const [one, other] = ['1', '2'].map(id => ownerOf(new Construct(parent, `${long}${id}`)));

  expect(one).toMatch(/^Stack\/x+\/x+-[0-9a-f]{16}$/);
  expect(one).toHaveLength(255);
  expect(other).not.toBe(one);
});

test('characters that EFS does not take in tags are replaced, and the owners stay different', () => {
  const stack = new Stack(new App(), 'Stack');
  const [one, other] = ['grün', 'gr n(1)'].map(id => ownerOf(pathBelow(stack, id)));

  expect(one).toMatch(/^Stack\/gr-n-[0-9a-f]{16}$/);
  expect(other).toMatch(/^Stack\/gr n-1--[0-9a-f]{16}$/);
});
