import type { Duration } from 'aws-cdk-lib';

/**
 * Which addresses a mount target has.
 *
 * @see https://docs.aws.amazon.com/efs/latest/ug/accessing-fs.html
 */
export enum IpAddressType {
  /**
   * IPv4 only.
   */
  IPV4_ONLY = 'IPV4_ONLY',

  /**
   * IPv6 only. The subnets must have IPv6 CIDR blocks.
   */
  IPV6_ONLY = 'IPV6_ONLY',

  /**
   * IPv4 and IPv6. The subnets must have IPv6 CIDR blocks.
   */
  DUAL_STACK = 'DUAL_STACK',
}

/**
 * Options of mount targets.
 */
export interface MountTargetOptions {
  /**
   * Which addresses the mount targets have.
   *
   * A change deletes all mount targets and makes them anew.
   *
   * @default IpAddressType.IPV4_ONLY
   */
  readonly ipAddressType?: IpAddressType;

  /**
   * The IPv4 addresses of the mount targets: one per subnet, in the same order.
   *
   * A change deletes the mount targets concerned and makes them anew.
   *
   * @default - EFS chooses free ones
   */
  readonly ipAddresses?: string[];

  /**
   * The IPv6 addresses of the mount targets: one per subnet, in the same order.
   * They need `ipAddressType` IPV6_ONLY or DUAL_STACK.
   *
   * A change deletes the mount targets concerned and makes them anew.
   *
   * @default - EFS chooses free ones
   */
  readonly ipv6Addresses?: string[];

  /**
   * Whether an update may delete a mount target and make another one in its place, which
   * interrupts access from its Availability Zone: EFS changes no subnet, address or VPC of a mount
   * target. Otherwise such an update fails before it touches anything, except in a rollback.
   *
   * Mount targets of Availability Zones that are added or removed, or of another file system, are made and deleted in any case.
   *
   * @default true
   */
  readonly replaceMountTargets?: boolean;

  /**
   * How long to wait when new mount targets are available, since their DNS names are not
   * known everywhere at once: whole seconds, up to 30 minutes. AWS advises 90 seconds.
   *
   * A deployment that makes no mount target does not wait.
   *
   * @default - not at all
   */
  readonly dnsPropagationDelay?: Duration;
}
