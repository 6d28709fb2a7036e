import { type IResource, Resource, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { check } from '../private/resource/validation';

/**
 * An EBS snapshot, wherever it comes from.
 */
export interface ISnapshot extends IResource {
  /**
   * The id of the snapshot.
   *
   * @attribute
   */
  readonly snapshotId: string;

  /**
   * The ARN of the snapshot.
   *
   * @attribute
   */
  readonly snapshotArn: string;
}

/**
 * Snapshots that this library did not make.
 */
export class Snapshot {
  /**
   * A snapshot that exists already, in the Region of the stack. It may belong to another account that shares it.
   *
   * @param scope The scope.
   * @param id The id of the construct.
   * @param snapshotId The id of the snapshot.
   */
  public static fromSnapshotId(scope: Construct, id: string, snapshotId: string): ISnapshot {
    check(scope, 'snapshotId', snapshotId, "the id of a snapshot, like 'snap-0123456789abcdef0'", value => /^snap-[0-9a-f]+$/.test(value));
    class Import extends Resource implements ISnapshot {
      public readonly snapshotId = snapshotId;
      public readonly snapshotArn = snapshotArnOf(this, snapshotId);
    }
    return new Import(scope, id);
  }

  private constructor() {}
}

/**
 * The ARNs of snapshots name no account.
 *
 * @internal
 */
export function snapshotArnOf(scope: Construct, snapshotId: string): string {
  return Stack.of(scope).formatArn({ service: 'ec2', account: '', resource: 'snapshot', resourceName: snapshotId });
}
