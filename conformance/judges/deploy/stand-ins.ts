import { CfnResource, Fn, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';

/**
 * ministack 1.5.33 has no AWS::EC2::Volume and no
 * AWS::EC2::SecurityGroupIngress ("Unrecognized resource types"). A parameter
 * in the place of each still takes the values that they would take of our resources.
 */
export function replaceUnknownResources(stack: Stack): void {
  for (const construct of stack.node.findAll()) {
    if (construct instanceof ec2.CfnVolume) { replace(stack, construct, [construct.snapshotId!, construct.availabilityZone!]); }
    if (construct instanceof ec2.CfnSecurityGroupIngress) { replace(stack, construct, [construct.groupId!, construct.sourceSecurityGroupId!]); }
  }
}

function replace(stack: Stack, resource: CfnResource, values: string[]): void {
  resource.node.scope!.node.tryRemoveChild(resource.node.id);
  new CfnResource(stack, `InsteadOf${stack.getLogicalId(resource)}`, {
    type: 'AWS::SSM::Parameter', properties: { Type: 'String', Value: Fn.join(' ', values) },
  });
}
