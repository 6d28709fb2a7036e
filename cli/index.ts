import { parseArgs } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { EFSClient } from '@aws-sdk/client-efs';
import { orphanedClaims, removalOf, type OrphanedClaim } from './claims';
import { orphansAmong, type Orphan } from './orphans';
import { Stacks } from './stacks';
import { GIB, taggedThings } from './tagged-things';
import { OWNERSHIP_TAGS } from '../src/contract/ownership';

const USAGE = `cdk-durable-storage orphans [--region REGION] [--json]

Lists the file systems, snapshots and AMIs of the account that carry tags of cdk-durable-storage and belong to no stack,
and claims on settings and tags whose resource is gone, each with the command that removes it. It deletes nothing itself.
Credentials and Region are those of the AWS CLI (AWS_PROFILE, AWS_REGION and so on).
It needs elasticfilesystem:DescribeFileSystems, elasticfilesystem:DescribeAccessPoints, ec2:DescribeSnapshots, ec2:DescribeImages,
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
  const efs = new EFSClient(config);
  const stacks = new Stacks(new CloudFormationClient(config));
  const place = await efs.config.region();
  const things = await taggedThings(efs, new EC2Client(config));
  const orphans = await orphansAmong(things, stacks, place);
  const claims = (await orphanedClaims(efs, stacks)).map(claim => ({ ...claim, command: removalOf(claim, place) }));
  process.stdout.write(json ? asJson(orphans, claims) : asText(orphans, things.length) + claimsAsText(claims));
}

function asJson(orphans: readonly Orphan[], claims: readonly OrphanedClaim[]): string {
  const things = orphans.map(({ thing: { tags, uses: _uses, ...thing }, reason }) => ({ ...thing, reason, tags: Object.fromEntries(tags) }));
  return `${JSON.stringify({ things, claims }, null, 2)}\n`;
}

function claimsAsText(claims: readonly (OrphanedClaim & { readonly command: string })[]): string {
  if (claims.length === 0) { return ''; }
  return [
    '', ...claims.map(({ id, kind, reason, command }) => `${id} ${kind}: ${reason}\n    ${command}`), '',
    `${claims.length} claims are of resources that are gone. Each command removes one claim and changes no value. The value then belongs to the other`,
    'resources that claim it. If there are none, it counts as there before: a resource that wants the same leaves it in place when it goes, and one',
    "that wants another value is refused, unless it sets 'overwrite'.", '',
  ].join('\n');
}

function asText(orphans: readonly Orphan[], all: number): string {
  const lines = orphans.map(({ thing: { id, kind, created, size, tags }, reason }) => [
    id.padEnd(23), kind.padEnd(12), created.slice(0, 10), (size === undefined ? '' : `${(size / GIB).toFixed(1)} GiB`).padStart(12),
    `  ${tags.get(OWNERSHIP_TAGS.owner) ?? ''}: ${reason}`,
  ].join(' '));
  const sum = `${orphans.length} of ${all} file systems, snapshots and AMIs with tags of cdk-durable-storage belong to no stack of this Region`;
  return [...lines, sum, ''].join('\n');
}

main().catch(error => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
