/**
 * Deploys the demo stack onto the embedded emulator with the functions that
 * ship in the package, shows what came of it, updates it, destroys it, and
 * ends with an error if anything is not as it should be.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { sha256OfFile, sha256OfSnapshot } from './read-back';
import { makeDiskImage } from '../examples/demo/disk-image';
import { DemoStack, type DemoStackProps } from '../examples/demo/stack';
import { CloudFormation, type StackEvent, type StackOutcome } from '../world/cloudformation';
import { Emulator } from '../world/emulator/emulator';
import { ACCOUNT, REGION } from '../world/emulator/environment';

const folder = join(__dirname, '..', 'demo.out');
const MIB = 1024 * 1024;

interface Deployed {
  readonly outcome: StackOutcome;
  /** Real seconds from the start of the import to the completed snapshot. */
  readonly importSeconds: number;
}

class Demo {
  private readonly failures: string[] = [];
  private readonly cloudFormation: CloudFormation;

  constructor(private readonly emulator: Emulator) {
    this.cloudFormation = new CloudFormation(emulator);
  }

  public async run(): Promise<void> {
    say('Making a disk image …');
    const first = makeDiskImage(folder, 1);
    const second = makeDiskImage(folder, 2);
    console.log(`  ${first.path}: ${first.made}`);

    say('cdk deploy: a file system in three Availability Zones, a tag set, a snapshot of the image, a volume made from it');
    const created = await this.deploy({ imagePath: first.path, costCenter: '1001', clients: 'Research' });
    this.expect('the stack is created', created.outcome.status, 'CREATE_COMPLETE', created.outcome.reason);
    this.assertGoing();
    await this.show(created, first.path, '1001');

    say('cdk deploy again: another cost center, another security group, a new version of the image');
    const updated = await this.deploy({ imagePath: second.path, costCenter: '2002', clients: 'Operations' });
    this.expect('the stack is updated', updated.outcome.status, 'UPDATE_COMPLETE', updated.outcome.reason);
    this.assertGoing();
    await this.show(updated, second.path, '2002');
    this.expect('the file system is still the same', physicalId(updated, 'Custom::FileSystem'), physicalId(created, 'Custom::FileSystem'));
    this.expect('the mount targets are still the same', attribute(updated, 'Custom::MountTargets', 'MountTargetIds'),
      attribute(created, 'Custom::MountTargets', 'MountTargetIds'));
    this.expect('the old snapshot is gone', this.emulator.ebs.snapshot(physicalId(created, 'Custom::SnapshotImport')), undefined);

    const unused = Object.entries(this.cloudFormation.unusedActions('Demo')).filter(([, actions]) => actions.length > 0);

    say('cdk destroy');
    const destroyed = await this.cloudFormation.destroy('Demo', { onEvent: progress });
    this.expect('the stack is deleted', destroyed.status, 'DELETE_COMPLETE', destroyed.reason);
    const { efs, ec2, s3 } = this.emulator;
    this.expect('file systems left', efs.fileSystems.length, 0);
    this.expect('mount targets left', efs.mountTargets.length, 0);
    this.expect('network interfaces left', ec2.networkInterfaces.length, 0);
    this.expect('snapshots left', ec2.snapshots.all.length, 0);
    this.expect('buckets left beside the one of the bootstrap', [...s3.buckets.keys()].filter(name => !name.startsWith('cdk-')).length, 0);

    say('Granted to the functions, and not needed in this run (other changes need them)');
    for (const [role, actions] of unused) { console.log(`  ${role}\n    ${actions.join(', ')}`); }

    this.assertGoing();
    say('Everything was as it should be.');
  }

  private assertGoing(): void {
    if (this.failures.length > 0) { throw new Error(`not as it should be: ${this.failures.join('; ')}`); }
  }

  private async deploy(props: DemoStackProps): Promise<Deployed> {
    const app = new App({ outdir: join(folder, 'cdk.out'), analyticsReporting: false });
    new DemoStack(app, 'Demo', { env: { account: ACCOUNT, region: REGION }, ...props });
    const assembly = app.synth();

    let [started, ended] = [0, 0];
    const before = this.emulator.ebs.putCount;
    const ticker = setInterval(() => {
      const blocks = this.emulator.ebs.putCount - before;
      if (blocks > 0 && ended === 0) { console.log(`  ${''.padEnd(10)} … ${blocks} blocks written`); }
    }, 1000);
    try {
      const outcome = await this.cloudFormation.deploy(assembly.directory, 'Demo', {
        onEvent: event => {
          if (event.type === 'Custom::SnapshotImport' && event.status.endsWith('_IN_PROGRESS')) { started ||= Date.now(); }
          if (event.type === 'Custom::SnapshotImport' && event.status.endsWith('_COMPLETE')) { ended ||= Date.now(); }
          progress(event);
        },
      });
      return { outcome, importSeconds: (ended - started) / 1000 };
    } finally {
      clearInterval(ticker);
    }
  }

  /** The outcome as a table, each row checked. */
  private async show(deployed: Deployed, imagePath: string, costCenter: string): Promise<void> {
    const { efs, ebs } = this.emulator;
    const fileSystemId = physicalId(deployed, 'Custom::FileSystem');
    const fileSystem = efs.fileSystems.find(one => one.id === fileSystemId)!;
    console.log();
    row('file system', fileSystemId, fileSystem.lifeCycleState, `Name=${fileSystem.tags.Name}`, `cost-center=${fileSystem.tags['cost-center']}`);
    this.expect('the file system is available', fileSystem.lifeCycleState, 'available');
    this.expect('the tag set is on it', fileSystem.tags['cost-center'], costCenter);

    const mountTargets = efs.mountTargets.filter(one => one.fileSystemId === fileSystemId);
    for (const target of mountTargets) {
      row('mount target', target.id, target.lifeCycleState, target.availabilityZoneId, `${target.ipAddress} ${target.securityGroups.join(' ')}`);
    }
    this.expect('Availability Zones with a mount target that is available',
      mountTargets.filter(one => one.lifeCycleState === 'available').map(one => one.availabilityZoneId).sort().join(), 'euw1-az1,euw1-az2,euw1-az3');

    const snapshotId = physicalId(deployed, 'Custom::SnapshotImport');
    const snapshot = ebs.snapshot(snapshotId)!;
    const blocks = snapshot.writtenIndexes.length;
    row('snapshot', snapshotId, snapshot.state, `${snapshot.volumeSize} GiB`, `role=${snapshot.tags.role}`);
    row('', `${blocks} blocks of 512 KiB in ${deployed.importSeconds.toFixed(1)} s`,
      `${(blocks / 2 / deployed.importSeconds).toFixed(0)} MiB/s`, '', '(the whole import, functions started, on this machine)');
    row('volume', physicalId(deployed, 'AWS::EC2::Volume'), `from ${snapshotId}`);

    const [image, readBack] = [sha256OfFile(imagePath), await sha256OfSnapshot(this.emulator, snapshotId, imagePath)];
    row('SHA-256', `${image}  the image`);
    row('', `${readBack}  the snapshot, read back through the EBS direct APIs`);
    this.expect('the snapshot equals the image', readBack, image);
  }

  private expect(what: string, actual: unknown, wanted: unknown, reason?: string): void {
    const right = actual === wanted;
    console.log(`  ${right ? '✓' : '✗'} ${what}${right && wanted !== 0 ? '' : `: ${String(actual)}`}${right || !reason ? '' : ` (${reason})`}`);
    if (!right) { this.failures.push(what); }
  }
}

function physicalId({ outcome }: Deployed, type: string): string {
  return Object.values(outcome.resources).find(resource => resource.type === type)!.physicalId;
}

function attribute({ outcome }: Deployed, type: string, name: string): unknown {
  return Object.values(outcome.resources).find(resource => resource.type === type)!.attributes[name];
}

function say(text: string): void {
  console.log(`\n${text}`);
}

function row(...cells: string[]): void {
  const widths = [13, 26, 12, 12];
  console.log(`  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' ').trimEnd()}`);
}

/** Progress of what this library makes, and of the stack itself. Times are the emulator's, in which nobody really waits. */
function progress(event: StackEvent): void {
  if (!event.type.startsWith('Custom::') && !['AWS::CloudFormation::Stack', 'AWS::EC2::Volume'].includes(event.type)) { return; }
  const time = new Date(event.timestamp).toISOString().slice(11, 19);
  console.log(`  ${time}  ${event.status.padEnd(28)} ${event.type.padEnd(28)} ${event.logicalId} ${event.reason ?? ''}`.trimEnd());
}

async function main(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const started = Date.now();
  const emulator = await Emulator.start();
  try {
    await new Demo(emulator).run();
    console.log(`(${((Date.now() - started) / 1000).toFixed(0)} s, peak memory ${(process.resourceUsage().maxRSS * 1024 / MIB).toFixed(0)} MiB)`);
  } finally {
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch(error => {
  console.error(`\n${(error as Error).stack}`);
  process.exitCode = 1;
});
