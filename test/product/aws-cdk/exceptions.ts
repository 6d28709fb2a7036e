/**
 * The tests of aws-efs in aws-cdk-lib that do not hold: they name
 * AWS::EFS::MountTarget, in the place of which is one Custom::MountTargets. docs/drop-in.md says what holds instead.
 */
export const EXCEPTIONS: readonly string[] = [
  'default file system is created correctly',
  'can create when using a VPC with multiple subnets per availability zone',
  'mountTargetOrderInsensitiveLogicalId flag is true',
  'mountTargetOrderInsensitiveLogicalId flag is false',
  'specify availabilityZoneName to create mount targets in a specific AZ',
];
