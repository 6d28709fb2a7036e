/**
 * moto, a second implementation of EFS, EC2, S3 and EBS direct, under the same
 * handlers: each resource lives there from its creation to its end.
 */
import { MotoAccount } from './account';
import { fileSystems } from './file-systems';
import { snapshots } from './snapshots';
import { workFolder } from '../../tools/folders';
import type { Report } from '../../tools/report';
import { python, version } from '../../tools/tools';

/** Differences that `Front` corrects, because no life could end with them. */
const CORRECTIONS: Record<string, string> = {
  StartSnapshot: 'EBS: a snapshot is pending until CompleteSnapshot. moto: DescribeSnapshots has it completed from its start. conformance/judges/moto/front.ts puts it right',
  ListSnapshotBlocks: 'EBS: begins at StartingBlockIndex, and goes up. moto: lists all, in the order in which they were put. conformance/judges/moto/front.ts puts it right',
  RegisterImage: 'EC2: the image has its TagSpecifications. moto: takes name and description only. conformance/judges/moto/front.ts adds the tags',
};

export async function judgeByMoto(report: Report): Promise<void> {
  const section = report.section(`moto ${version('moto')}`, 'handlers');
  let account: MotoAccount | undefined;
  try {
    await section.check('is set up', async () => { account = await MotoAccount.start(await python('moto'), workFolder('moto')); });
    if (!account) { return; }
    await fileSystems(section, account);
    await snapshots(section, account);
    for (const [operation, note] of Object.entries(CORRECTIONS)) {
      const seen = account.front.corrected.has(operation);
      section.row(operation, seen ? 'explained' : 'failed', seen ? note : 'moto is right by now, or was not asked; see conformance/judges/moto/front.ts');
    }
  } finally {
    await account?.stop();
  }
}
