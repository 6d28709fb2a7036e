import type { IConstruct } from 'constructs';
import { rootStackOf } from '../resource/owner';
import type { Rival, Want } from '../resource/rivals';

export interface ObjectUse {
  /** Whether the construct writes the object; otherwise it reads it. */
  readonly writes: boolean;
}

/**
 * Returns what a construct wants of an object in S3. Names of buckets are unique in all accounts and Regions. Any number of constructs may read,
 * and an import of another stack may read what an export wrote before.
 */
export function objectUse(
  scope: IConstruct, [bucketName, key]: [string, string], use: ObjectUse, conflict: (rival: Rival<ObjectUse>) => string,
): Want<ObjectUse> {
  const excludes = ({ scope: other, wants }: Rival<ObjectUse>) =>
    (use.writes && wants.writes) || (use.writes !== wants.writes && rootStackOf(scope) === rootStackOf(other));
  return { kind: 'object', thing: [bucketName, key], wants: use, conflict: rival => excludes(rival) ? conflict(rival) : undefined };
}
