/** What the roles are granted is needed, or it is said what for; and what is needed and not granted is named by the error. */
import { judgeDenied } from './denied';
import { judgeGranted } from './granted';
import type { Report } from '../../tools/report';

export async function judgePermissions(report: Report): Promise<void> {
  await judgeGranted(report);
  await judgeDenied(report);
}
