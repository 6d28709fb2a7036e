/** What the roles of the examples are granted is needed, or it is said what for. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { DemoStack, type DemoStackProps } from '../../../examples/demo/stack';
import { OWN_ROLE } from '../../../test/harness/deployment/deployment-world';
import { policiesIn } from '../../../test/harness/policies';
import { CloudFormation } from '../../../world/cloudformation';
import { Emulator } from '../../../world/emulator/emulator';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { workFolder } from '../../tools/folders';
import type { Report } from '../../tools/report';

const STACK = 'Demo';
const SETTINGS = 'for props that the demo does not use; test/deployments/efs needs it';
const FAILURE = 'for a way to fail or to be replaced that the demo does not take; test/deployments and test/handlers need it';
const IMAGES = 'for machine images and shared snapshots, which the demo does not have; test/deployments/ebs/machine-image.test.ts needs it';
const PARTS = 'for images that were uploaded in parts, with a SHA-256 of each; test/deployments needs it';
const LOGS = 'Lambda writes logs in the name of a function, which the world does not see';
const CDK = 'the CDK grants it with every Distributed Map, which only waitForCompletion: false uses; test/deployments/ebs/parent-in-use.test.ts needs it';

/** Granted to the demo's roles, and not needed by its creation, update and destruction. */
const UNNEEDED: Record<string, string> = {
  'cloudformation:DescribeStackEvents': FAILURE,
  'cloudformation:DescribeStackResources': FAILURE,
  'ec2:DeleteSnapshot': FAILURE,
  'ec2:DescribeImages': IMAGES,
  'ec2:DescribeSnapshotAttribute': IMAGES,
  'ec2:ModifySnapshotAttribute': IMAGES,
  'elasticfilesystem:CreateReplicationConfiguration': SETTINGS,
  'elasticfilesystem:DeleteFileSystemPolicy': SETTINGS,
  'elasticfilesystem:DeleteReplicationConfiguration': SETTINGS,
  'elasticfilesystem:DescribeAccessPoints': FAILURE,
  'elasticfilesystem:DescribeBackupPolicy': SETTINGS,
  'elasticfilesystem:DescribeFileSystemPolicy': SETTINGS,
  'elasticfilesystem:DescribeLifecycleConfiguration': SETTINGS,
  'elasticfilesystem:DescribeReplicationConfigurations': SETTINGS,
  'elasticfilesystem:PutBackupPolicy': SETTINGS,
  'elasticfilesystem:PutFileSystemPolicy': SETTINGS,
  'elasticfilesystem:PutLifecycleConfiguration': SETTINGS,
  'elasticfilesystem:UpdateFileSystem': SETTINGS,
  'elasticfilesystem:UpdateFileSystemProtection': SETTINGS,
  'logs:CreateLogStream': LOGS,
  'logs:PutLogEvents': LOGS,
  'kms:DescribeKey': "for accounts that encrypt by default; the demo's does not",
  's3:GetObjectAttributes': PARTS,
  's3:GetObjectVersionAttributes': PARTS,
  's3:ListBucket': FAILURE,
  'states:DescribeExecution': FAILURE,
  'states:RedriveExecution': CDK,
  'states:StartExecution': CDK,
  'states:SendTaskSuccess': 'for a transfer that ends before its token is left; test/deployments/ebs/awaiting.test.ts needs it',
  'states:StopExecution': FAILURE,
};

export async function judgeGranted(report: Report): Promise<void> {
  const section = report.section('the CloudFormation player\'s IAM', 'examples/demo');
  const play = new Play(workFolder('permissions'));
  await section.check('what is granted and not needed is explained', async () => {
    const { granted, unused } = await play.whole();
    const loose = Object.entries(unused).flatMap(([role, actions]) => actions.filter(action => !(action in UNNEEDED)).map(action => `${role}: ${action}`));
    if (loose.length > 0) { throw new Error(loose.join('\n')); }
    const idle = Object.values(unused).flat();
    const stale = Object.keys(UNNEEDED).filter(action => !idle.includes(action));
    if (stale.length > 0) { throw new Error(`explained, and needed after all: ${stale.join(', ')}`); }
    return `${granted.length} actions in ${play.roles} roles, ${new Set(idle).size} of them not needed by all that have them`;
  });
}

class Play {
  public roles = 0;
  private count = 0;
  private readonly images: string[];

  constructor(private readonly folder: string) {
    this.images = ['first', 'second'].map(seed => {
      const path = join(folder, `${seed}.img`);
      const bytes = Buffer.alloc(1024 * 1024, seed);
      // The boot signature, by which the import knows a disk.
      bytes.set([0x55, 0xaa], 510);
      writeFileSync(path, bytes);
      return path;
    });
  }

  /** All goes well; what was granted, and what of it was not needed, by role. */
  public async whole(): Promise<{ granted: string[]; unused: Record<string, string[]> }> {
    const granted = new Set<string>();
    return this.onEmulator(async cloudFormation => {
      for (const step of this.steps()) {
        const { directory, actions } = this.synthesize(step);
        actions.forEach(action => granted.add(action));
        const outcome = await cloudFormation.deploy(directory, STACK);
        if (!/^(CREATE|UPDATE)_COMPLETE$/.test(outcome.status)) { throw new Error(`${outcome.status}: ${outcome.reason}`); }
      }
      const destroyed = await cloudFormation.destroy(STACK);
      if (destroyed.status !== 'DELETE_COMPLETE') { throw new Error(`${destroyed.status}: ${destroyed.reason}`); }
      const unused = Object.entries(cloudFormation.unusedActions(STACK)).filter(([role, actions]) => OWN_ROLE.test(role) && actions.length > 0);
      return { granted: [...granted].sort(), unused: Object.fromEntries(unused) };
    });
  }

  private steps(): DemoStackProps[] {
    return [
      { imagePath: this.images[0], costCenter: '1001', clients: 'Research' },
      { imagePath: this.images[1], costCenter: '2002', clients: 'Operations' },
    ];
  }

  private async onEmulator<T>(work: (cloudFormation: CloudFormation) => Promise<T>): Promise<T> {
    const emulator = await Emulator.start();
    try {
      return await work(new CloudFormation(emulator));
    } finally {
      await emulator.close();
    }
  }

  /** With what its policies grant to this library's roles. */
  private synthesize(props: DemoStackProps): { directory: string; actions: string[] } {
    const outdir = join(this.folder, `cdk.out-${++this.count}`);
    mkdirSync(outdir);
    const app = new App({ outdir, analyticsReporting: false });
    const stack = new DemoStack(app, STACK, { env: { account: ACCOUNT, region: REGION }, ...props });
    app.synth();

    const template = JSON.parse(readFileSync(join(outdir, stack.templateFile), 'utf8'));
    const actions = new Set<string>();
    const roles = new Set<string>();
    for (const policy of policiesIn(template).filter(each => each.roles.some(role => OWN_ROLE.test(role)))) {
      policy.roles.forEach(role => roles.add(role));
      policy.document.Statement.flatMap(({ Action }) => Action).forEach(action => actions.add(action));
    }
    this.roles = roles.size;
    return { directory: outdir, actions: [...actions] };
  }
}
