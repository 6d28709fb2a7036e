/** What the roles are granted is needed, or it is said what for; and what is needed and not granted is named by the error. */
import { judgeDenied } from './permissions/denied';
import { judgeGranted } from './permissions/granted';
import type { Report } from './report';

export async function judgePermissions(report: Report): Promise<void> {
  await judgeGranted(report);
  await judgeDenied(report);
}
