import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { OWNERSHIP_TAGS } from '../../../../../src/contract/ownership';
import { contextWith } from '../../given';

export const CONTEXT = contextWith('forward', { stackId: 'arn:stack', logicalId: 'Files' });
export const FILES = { Owner: 'Stack/Files', RemovalPolicy: 'Delete' };

/** A file system with tags, which the names of OWNERSHIP_TAGS give. */
export function fileSystem(
  tags: Partial<Record<keyof typeof OWNERSHIP_TAGS, string>> = {}, more: Partial<FileSystemDescription> = {},
): FileSystemDescription {
  const Tags = Object.entries(tags).map(([name, Value]) => ({ Key: OWNERSHIP_TAGS[name as keyof typeof OWNERSHIP_TAGS], Value }));
  return { FileSystemId: 'fs-1', CreationToken: 'token', Tags, ...more } as FileSystemDescription;
}
