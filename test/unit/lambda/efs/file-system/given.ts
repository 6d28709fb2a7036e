import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { Context } from '../../../../../lambda/shared/resource-lifecycle';
import type { Stacks } from '../../../../../lambda/shared/stacks';
import { OWNERSHIP_TAGS } from '../../../../../src/contract/ownership';

export const CONTEXT: Context = { stackId: 'arn:stack', logicalId: 'Files', requestId: 'request', identity: 'digest', deletionBegan: 0 };
export const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };

/** A file system with tags, which the names of OWNERSHIP_TAGS give. */
export function fileSystem(
  tags: Partial<Record<keyof typeof OWNERSHIP_TAGS, string>> = {}, more: Partial<FileSystemDescription> = {},
): FileSystemDescription {
  const Tags = Object.entries(tags).map(([name, Value]) => ({ Key: OWNERSHIP_TAGS[name as keyof typeof OWNERSHIP_TAGS], Value }));
  return { FileSystemId: 'fs-1', CreationToken: 'token', Tags, ...more } as FileSystemDescription;
}

/** CloudFormation, for one question; `otherwise` is what the caller assumes if it does not answer. */
export function stacks(rollingBack: boolean | 'unknown'): Stacks {
  return { isRollingBack: async (_id: string, otherwise: boolean) => (rollingBack === 'unknown' ? otherwise : rollingBack) } as Partial<Stacks> as Stacks;
}
