import { App, Stack, type StackProps } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { policiesIn, type Statement } from './policies';

export const ENV = { account: '111122223333', region: 'eu-west-1' };

type Properties = Record<string, any>;

/** A stack with a VPC whose Availability Zones are known. */
export function givenStack(props: StackProps = {}): { app: App; stack: Stack; vpc: ec2.Vpc } {
  const app = new App();
  const stack = new Stack(app, 'Stack', { env: ENV, ...props });
  return { app, stack, vpc: givenVpc(stack) };
}

export function givenVpc(stack: Stack): ec2.Vpc {
  return new ec2.Vpc(stack, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b'], natGateways: 0, restrictDefaultSecurityGroup: false });
}

/** The properties of the only resource of a type. */
export function propertiesOf(stack: Stack, type: string): Properties {
  return onlyOf(stack, type).Properties;
}

export function onlyOf(stack: Stack, type: string): Properties & { Properties: Properties; DependsOn: string[]; logicalId: string } {
  const found = Object.entries(Template.fromStack(stack).findResources(type));
  expect(found).toHaveLength(1);
  const [logicalId, resource] = found[0];
  return { logicalId, DependsOn: [], ...resource as { Properties: Properties } };
}

/** The tags of a custom resource, as an object. */
export function tagsIn(list: readonly { Key: string; Value: unknown }[] | undefined): Record<string, unknown> {
  return Object.fromEntries((list ?? []).map(({ Key, Value }) => [Key, Value]));
}

/** All statements that allow an action to a role whose logical id contains a name, with the logical id of their policy, or of the role itself. */
export function statementsAllowing(stack: Stack, role: string, action: string): (Statement & { readonly policy: string })[] {
  return policiesIn(Template.fromStack(stack).toJSON())
    .filter(({ roles }) => roles.some(name => name.includes(role)))
    .flatMap(({ id, document }) => document.Statement.map(statement => ({ ...statement, policy: id })))
    .filter(({ Action }) => [Action].flat().includes(action));
}

/** The texts of warnings below a path. */
export function warningsOf(stack: Stack, path = '*'): string[] {
  return Annotations.fromStack(stack).findWarning(path, Match.anyValue()).map(({ entry }) => String(entry.data));
}

/** The owner of a resource of the root stack, as its template has it. `*`: the owners of all. */
export function ownerInTemplate(place: string): object {
  return { 'Fn::Join': ['', [{ Ref: 'AWS::StackName' }, `/${place}`]] };
}

/** The owner of the only resource of a type. */
export function ownerOfOnly(stack: Stack, type: string): object {
  return ownerInTemplate(onlyOf(stack, type).logicalId);
}
