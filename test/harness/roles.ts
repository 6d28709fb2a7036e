import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { policiesIn } from './policies';
import { ACCOUNT, PARTITION, REGION } from '../../world/emulator/environment';
import { Principal, type Statement } from '../../world/emulator/iam';

/** The id of the deployed stack in the statements of its roles. */
export function stackIdOf(stack: Stack): string {
  return `arn:${PARTITION}:cloudformation:${REGION}:${ACCOUNT}:stack/${stack.stackName}/00000000-0000-4000-8000-000000000000`;
}

/** The role of a template whose logical id contains a name, as IAM evaluates it: with what intrinsics may return in their place. */
export function roleIn(stack: Stack, name: string): Principal {
  const template = Template.fromStack(stack).toJSON();
  const statements = policiesIn(template).filter(({ roles }) => roles.some(role => role.includes(name)))
    .flatMap(({ document }) => valueOf(stack, document.Statement) as Statement[]);
  expect(statements.length).toBeGreaterThan(0);
  return new Principal(`arn:${PARTITION}:sts::${ACCOUNT}:assumed-role/${name}/test`, () => statements);
}

/** A stand-in for what a template's value becomes: `ref-<logical id>`, `<logical id>.<attribute>`. */
function valueOf(stack: Stack, value: unknown): unknown {
  if (Array.isArray(value)) { return value.map(one => valueOf(stack, one)); }
  if (typeof value !== 'object' || value === null) { return value; }
  const [[name, argument]] = Object.entries(value);
  switch (name) {
    case 'Ref': return pseudo(stack, String(argument)) ?? `ref-${argument}`;
    case 'Fn::GetAtt': return (argument as string[]).join('.');
    case 'Fn::Join': {
      const [delimiter, parts] = argument as [string, unknown[]];
      return parts.map(part => valueOf(stack, part)).join(delimiter);
    }
    default: return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, valueOf(stack, one)]));
  }
}

function pseudo(stack: Stack, name: string): string | undefined {
  const values: Record<string, string> = {
    'AWS::Partition': PARTITION, 'AWS::Region': REGION, 'AWS::AccountId': ACCOUNT, 'AWS::StackName': stack.stackName, 'AWS::StackId': stackIdOf(stack),
  };
  return values[name];
}
