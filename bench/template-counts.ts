import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { CURRENTLY_RECOMMENDED_FLAGS } from 'aws-cdk-lib/cx-api';
import { DiskImage, FileSystem, MachineDisk, MachineImage, Snapshot, SnapshotExport, SnapshotImport } from '../src';

/** The construct beside which the others are measured. */
export const YARDSTICK = 'efs.FileSystem';

/** The VPC, bucket and snapshots are not of the stack, so that the template has nothing but the construct and what it brings. */
const vpcOf = (stack: Stack) => ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['a', 'b', 'c'].map(zone => `eu-west-1${zone}`),
  privateSubnetIds: ['a', 'b', 'c'].map(zone => `subnet-0123456789abcdef${zone}`),
  privateSubnetRouteTableIds: ['a', 'b', 'c'].map(zone => `rtb-0123456789abcdef${zone}`),
});
const bucketOf = (stack: Stack) => s3.Bucket.fromBucketName(stack, 'Bucket', 'team-images');
const snapshotId = (i: number) => `snap-${String(i).padStart(17, '0')}`;

/** Each defines that many of a construct in a stack. */
const CONSTRUCTS: Record<string, (stack: Stack, ids: readonly number[]) => void> = {
  [YARDSTICK](stack, ids) {
    const vpc = vpcOf(stack);
    ids.forEach(i => new efs.FileSystem(stack, `Files${i}`, { vpc }));
  },
  'FileSystem'(stack, ids) {
    const vpc = vpcOf(stack);
    ids.forEach(i => new FileSystem(stack, `Files${i}`, { vpc }));
  },
  'SnapshotImport'(stack, ids) {
    const bucket = bucketOf(stack);
    ids.forEach(i => new SnapshotImport(stack, `Import${i}`, { image: DiskImage.fromBucket(bucket, `disk${i}.img`) }));
  },
  'SnapshotExport'(stack, ids) {
    const bucket = bucketOf(stack);
    ids.forEach(i => new SnapshotExport(stack, `Export${i}`, { snapshot: Snapshot.fromSnapshotId(stack, `Snapshot${i}`, snapshotId(i)), bucket }));
  },
  'MachineImage'(stack, ids) {
    ids.forEach(i => new MachineImage(stack, `Machine${i}`, {
      rootDisk: MachineDisk.fromSnapshotId(snapshotId(i)), architecture: ec2.InstanceArchitecture.ARM_64,
    }));
  },
};

export const CASES = [1, 10, 50].flatMap(count => Object.keys(CONSTRUCTS).map(construct => ({ construct, count })));
export type Case = (typeof CASES)[number];

export interface Measured {
  readonly resources: number;
  readonly functions: number;
  readonly roles: number;
  readonly policies: number;
  readonly stateMachines: number;
  readonly bytes: number;
  /** CPU time of the constructors and the synthesis. */
  readonly milliseconds: number;
}

/** Synthesizes a stack with that many of a construct. undefined: they do not fit into one stack. */
export function measure({ construct, count }: Case): Measured | undefined {
  const outdir = mkdtempSync(join(tmpdir(), 'bench-template-'));
  try {
    const begin = process.cpuUsage();
    const app = new App({ outdir, analyticsReporting: false, context: { ...CURRENTLY_RECOMMENDED_FLAGS } });
    const stack = new Stack(app, 'Stack', { env: { account: '111122223333', region: 'eu-west-1' } });
    CONSTRUCTS[construct](stack, Array.from({ length: count }, (_, i) => i));
    try {
      app.synth();
    } catch (error) {
      if (/split the stack/.test((error as Error).message)) { return undefined; }
      throw error;
    }
    const { user, system } = process.cpuUsage(begin);
    return { ...countsOf(readFileSync(join(outdir, stack.templateFile))), milliseconds: (user + system) / 1000 };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function countsOf(template: Buffer): Omit<Measured, 'milliseconds'> {
  const resources = Object.values(JSON.parse(template.toString()).Resources as Record<string, { Type: string }>);
  const number = (...types: string[]) => resources.filter(({ Type }) => types.includes(Type)).length;
  return {
    resources: resources.length,
    functions: number('AWS::Lambda::Function'),
    roles: number('AWS::IAM::Role'),
    policies: number('AWS::IAM::Policy', 'AWS::IAM::RolePolicy', 'AWS::IAM::ManagedPolicy'),
    stateMachines: number('AWS::StepFunctions::StateMachine'),
    bytes: template.length,
  };
}

/** Returns a row of the table in docs/cost.md. */
export function rowOf({ construct, count }: Case, measured: Measured | undefined): string {
  const columns = measured
    ? [measured.resources, measured.functions, measured.roles, measured.policies, measured.stateMachines, `${Math.round(measured.bytes / 1000)} kB`]
    : ['do not fit', '', '', '', '', ''];
  return `| ${[`${count} \`${construct}\``, ...columns].join(' | ')} |`;
}
