/**
 * Every action that a resource's life uses is taken away from every step that
 * uses it: the step succeeds, which is explained here, or fails with an error
 * that names the action, and leaves nothing behind that its message does not name.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verdict } from './life';
import { VERDICTS } from './lives';
import { environment, ROOT, workFolder } from '../../tools/folders';
import { run } from '../../tools/processes';
import type { Report } from '../../tools/report';

const RETURNED = 'fails and names it; the file system to which the rollback returns names the one that had replaced it in a tag, until the next update';

/** By action and step, or life: what does without it, or leaves something all the same, and why. */
const EXPLAINED: Record<string, string> = {
  'elasticfilesystem:DescribeBackupPolicy in replace of FileSystem: with all its settings': RETURNED,
  'elasticfilesystem:PutBackupPolicy in replace of FileSystem: with all its settings': RETURNED,
  'elasticfilesystem:UntagResource in replace of FileSystem: with all its settings': RETURNED,
  'elasticfilesystem:UntagResource in destroy of FileSystem: of others, adopted':
    'succeeds: tags that may not be removed are overwritten with `released`, so that a release never fails',
  'ec2:DescribeNetworkInterfaces in destroy of MountTargets: a set':
    'succeeds: it only lets the deletion wait until EC2 has let go of the network interfaces; it says in the log that it cannot look',
  's3:DeleteObject in create of SnapshotExport: whole, then what changed':
    'succeeds: plan and progress stay in the transfer bucket until the export is deleted, and go then',
  ...Object.fromEntries(['ec2:GetEbsDefaultKmsKeyId', 'ec2:GetEbsEncryptionByDefault'].map(action => [`${action} in create of SnapshotImport: shared`,
    'succeeds: it only refuses a key of AWS before the copying, which EC2 does at the end; it says in the log that it cannot tell'])),
  'scheduler:DeleteSchedule in update of FileSystem: whose throughput changes later':
    'fails and names it; the rollback, which EFS does not allow for 24 hours, leaves a schedule that does it then',
};

export async function judgeDenied(report: Report): Promise<void> {
  const section = report.section('the emulator\'s IAM', 'handlers, transfer functions');
  const folder = workFolder('denied');
  let verdicts: Verdict[] = [];
  await section.check('each action that a step uses is taken away from it', async () => {
    const { code, stderr } = await run(process.execPath, [
      join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'), '--ci', '--rootDir', ROOT, '--testMatch', '**/conformance/judges/permissions/*.test.ts',
    ], { cwd: ROOT, env: environment({ [VERDICTS]: folder }), minutes: 15 });
    if (code !== 0) { throw new Error(stderr.slice(-2000)); }
    verdicts = globSync(join(folder, '*.json')).sort().flatMap(path => JSON.parse(readFileSync(path, 'utf8')) as Verdict[]);
    return `${new Set(verdicts.map(({ action }) => action)).size} actions, ${verdicts.length} steps without one of them`;
  });

  const known = new Set<string>();
  for (const life of new Set(verdicts.map(verdict => verdict.life))) {
    const its = verdicts.filter(verdict => verdict.life === life);
    const wrong: string[] = [];
    for (const { step, action, said, complaints } of its) {
      if (said !== undefined && complaints.length === 0) { continue; }
      const what = `${action} in ${step} of ${life}`;
      if (what in EXPLAINED) {
        known.add(what);
        section.row(what, 'explained', EXPLAINED[what]);
      } else {
        wrong.push(`${what}: ${said === undefined ? 'succeeds without it' : complaints.join(', ')}`);
      }
    }
    await section.check(life, () => {
      if (wrong.length > 0) { throw new Error(wrong.join('\n')); }
      return `${its.length} steps without an action that they use: each error names it, and nothing is lost sight of`;
    });
  }
  const stale = Object.keys(EXPLAINED).filter(what => !known.has(what));
  if (verdicts.length > 0 && stale.length > 0) { section.row('what is explained', 'failed', `and right by now: ${stale.join(', ')}`); }
}
