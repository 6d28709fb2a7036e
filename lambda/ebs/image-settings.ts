import type { LaunchPermission } from '@aws-sdk/client-ec2';
import type { Image, Images } from './images';
import type { LaunchPermissionProperty, MachineImageProperties } from '../../src/contract/machine-image';

const MINUTE = 60_000;
/** EC2 refuses a deprecation date that has passed, and rounds to minutes. */
const SOONEST = 2 * MINUTE;

/** Brings description, launch permissions and deprecation date of an image into the wanted state. */
export async function applySettings(images: Images, image: Image, { Description = '', LaunchPermissions = [], DeprecateAt }: MachineImageProperties): Promise<void> {
  const { id, description, deprecationTime } = image;
  if (description !== Description) { await images.describe(id, Description); }
  const { add, remove } = permissionChanges(await images.launchPermissions(id), LaunchPermissions);
  await images.permit(id, add, remove);
  const deprecation = deprecationChange(deprecationTime, DeprecateAt, Date.now());
  if (deprecation) { await images.deprecate(id, deprecation.at); }
}

/** Permissions that others gave are removed too, because an image that was retained may have been shared with other accounts. */
export function permissionChanges(
  actual: readonly LaunchPermission[], wanted: readonly LaunchPermissionProperty[],
): { readonly add: LaunchPermission[]; readonly remove: LaunchPermission[] } {
  return {
    add: wanted.filter(one => !actual.some(other => isSamePermission(one, other))).map(permissionOf),
    remove: actual.filter(one => !wanted.some(other => isSamePermission(one, other))).map(permissionOf),
  };
}

/** Returns the date to set, where `at: undefined` means never; undefined if nothing has to change. A date that has passed means at once. */
export function deprecationChange(
  actual: string | undefined, wanted: string | undefined, now: number,
): { readonly at: Date | undefined } | undefined {
  const current = actual === undefined ? undefined : Date.parse(actual);
  if (wanted === undefined) { return current === undefined ? undefined : { at: undefined }; }
  const soonest = now + SOONEST;
  const date = Date.parse(wanted);
  const isSet = current !== undefined && (date < soonest ? current <= soonest : Math.abs(current - date) < MINUTE);
  return isSet ? undefined : { at: new Date(Math.max(date, soonest)) };
}

function permissionOf({ UserId, OrganizationArn, OrganizationalUnitArn, Group }: LaunchPermission | LaunchPermissionProperty): LaunchPermission {
  return {
    ...(UserId !== undefined && { UserId }),
    ...(OrganizationArn !== undefined && { OrganizationArn }),
    ...(OrganizationalUnitArn !== undefined && { OrganizationalUnitArn }),
    ...(Group !== undefined && { Group: Group as 'all' }),
  };
}

function isSamePermission(one: LaunchPermission | LaunchPermissionProperty, other: LaunchPermission | LaunchPermissionProperty): boolean {
  return one.UserId === other.UserId && one.OrganizationArn === other.OrganizationArn && one.OrganizationalUnitArn === other.OrganizationalUnitArn
    && one.Group === other.Group;
}
