import { parseArgs } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { orphansAmong, type Orphan } from './orphans';
import { Stacks } from './stacks';
import { GIB, taggedThings } from './tagged-things';
import { OWNERSHIP_TAGS } from '../src/contract/ownership';

const USAGE = `cdk-durable-storage orphans [--region REGION] [--json]

Lists the file systems, snapshots and AMIs of the account that carry tags of cdk-durable-storage and belong to no stack.
It deletes nothing. Credentials and Region are those of the AWS CLI (AWS_PROFILE, AWS_REGION and so on).
It needs elasticfilesystem:DescribeFileSystems, ec2:DescribeSnapshots, ec2:DescribeImages,
cloudformation:DescribeStacks and cloudformation:ListStackResources.
`;

async function main(): Promise<void> {
  const { values: { region, json, help }, positionals } = parseArgs({
    allowPositionals: true,
    options: { region: { type: 'string' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (help) { return void process.stdout.write(USAGE); }
  if (positionals.join() !== 'orphans') { throw new Error(`unknown command '${positionals.join(' ')}'\n\n${USAGE}`); }
  const config = region === undefined ? {} : { region };
  const things = await taggedThings(new EFSClient(config), new EC2Client(config));
  const orphans = await orphansAmong(things, new Stacks(new CloudFormationClient(config)));
  process.stdout.write(json ? asJson(orphans) : asText(orphans, things.length));
}

function asJson(orphans: readonly Orphan[]): string {
  return `${JSON.stringify(orphans.map(({ thing: { tags, ...thing }, reason }) => ({ ...thing, reason, tags: Object.fromEntries(tags) })), null, 2)}\n`;
}

function asText(orphans: readonly Orphan[], all: number): string {
  const lines = orphans.map(({ thing: { id, kind, created, size, tags }, reason }) => [
    id.padEnd(23), kind.padEnd(12), created.slice(0, 10), (size === undefined ? '' : `${(size / GIB).toFixed(1)} GiB`).padStart(12),
    `  ${tags.get(OWNERSHIP_TAGS.owner) ?? ''}: ${reason}`,
  ].join(' '));
  return [...lines, `${orphans.length} of ${all} file systems, snapshots and AMIs with tags of cdk-durable-storage belong to no stack`, ''].join('\n');
}

main().catch(error => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
