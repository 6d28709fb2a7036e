/**
 * versitygw, a strict S3 over a folder that other people wrote: all S3 traffic of imports, exports, deltas and their transfer bucket goes
 * through it, and it judges our emulated S3 rule by rule.
 */
import { GatewayAccount } from './account';
import { lives } from './lives';
import { rules } from './rules';
import { workFolder } from '../../tools/folders';
import type { Report } from '../../tools/report';
import { version, versitygw } from '../../tools/tools';

/** Begins the build, which takes minutes. A failure shows when the judge uses the program. */
export function buildVersitygw(): Promise<string> {
  const build = versitygw();
  build.catch(() => {});
  return build;
}

export async function judgeByVersitygw(report: Report, build: Promise<string>): Promise<void> {
  const section = report.section(`versitygw ${version('versitygw')}`, 'handlers');
  let account: GatewayAccount | undefined;
  try {
    await section.check('is built, and set up', async () => { account = await GatewayAccount.start(await build, workFolder('s3')); });
    if (!account) { return; }
    await lives(section, account);
    await rules(report.section(`versitygw ${version('versitygw')}`, 'emulated S3'), account.url);
  } finally {
    await account?.stop();
  }
}
