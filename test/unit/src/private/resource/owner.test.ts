import { App, CfnResource, NestedStack, Stack, Stage } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { ownerOf, ownerPrefix } from '../../../../../src/private/resource/owner';

/** A construct with a resource of its own, below constructs with these ids. */
function owning(scope: Construct, ...ids: string[]): { construct: Construct; resource: CfnResource } {
  const construct = ids.reduce((parent, id) => new Construct(parent, id), scope);
  return { construct, resource: new CfnResource(construct, 'Resource', { type: 'Test::Thing' }) };
}

/** The owner of a construct, with names in the place of references. */
function ownerIn(stack: Stack, construct: Construct, name = 'prod'): string {
  const owner = stack.resolve(ownerOf(construct)) as { 'Fn::Join': [string, (string | object)[]] };
  return owner['Fn::Join'][1].map(part => typeof part === 'string' ? part : name).join('');
}

test('the owner is the name under which the root stack is deployed, and the logical ids below it', () => {
  const stack = new Stack(new App(), 'Stack');
  const nested = new NestedStack(new Construct(stack, 'A'), 'Nested');
  const [direct, below] = [owning(stack, 'B', 'Fs'), owning(nested, 'Fs')];

  expect(stack.resolve(ownerOf(direct.construct))).toEqual({ 'Fn::Join': ['', [{ Ref: 'AWS::StackName' }, `/${stack.getLogicalId(direct.resource)}`]] });
  const nestedId = stack.resolve(nested.nestedStackResource!.logicalId) as string;
  expect(ownerIn(nested, below.construct)).toBe(`prod/${nestedId}/${nested.getLogicalId(below.resource)}`);
  expect(stack.resolve(ownerPrefix(nested))).toEqual({ 'Fn::Join': ['', [{ Ref: 'AWS::StackName' }, '/']] });
});

test('the owner stays the same if the stack moves to a stage or to another construct id', () => {
  const stacks = [new Stack(new App(), 'Stack'), new Stack(new Stage(new App(), 'Stage'), 'Other', { stackName: 'Stack' })];
  const [one, other] = stacks.map(stack => stack.resolve(ownerOf(owning(stack, 'Fs').construct)) as object);

  expect(other).toEqual(one);
});

test('the owner stays the same if a construct moves with its logical id', () => {
  const stack = new Stack(new App(), 'Stack');
  const [alone, moved] = [owning(stack, 'Fs'), owning(new Construct(new Stack(new App(), 'Stack'), 'Default'), 'Fs')];
  expect(Stack.of(moved.construct).resolve(ownerOf(moved.construct))).toEqual(stack.resolve(ownerOf(alone.construct)));

  const pinned = owning(stack, 'Elsewhere', 'Fs');
  const owner = ownerOf(pinned.construct);
  pinned.resource.overrideLogicalId('Pinned');
  expect(ownerIn(stack, pinned.construct)).toBe('prod/Pinned');
  expect(stack.resolve(owner)).toEqual(stack.resolve(ownerOf(pinned.construct)));
});

test('a long owner fits into a tag below the longest name of a stack, and stays different from others', () => {
  const stack = new Stack(new App(), 'Stack');
  const [one, other] = ['1', '2'].map(digit => {
    const { construct, resource } = owning(stack, digit);
    resource.overrideLogicalId(`${'x'.repeat(200)}${digit}`);
    return ownerIn(stack, construct, 'n'.repeat(128));
  });

  expect(one).toMatch(/^n{128}\/x+-[0-9a-f]{16}$/);
  expect(one).toHaveLength(255);
  expect(other).not.toBe(one);
});
