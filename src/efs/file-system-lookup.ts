import { createHash } from 'crypto';
import { Stack } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import { Construct } from 'constructs';
import type { FileSystemLookupAttributes, FileSystemLookupProperties } from '../contract/file-system-lookup';
import { EfsProvider } from '../private/efs/provider';
import { handledResource } from '../private/functions/handled-resource';
import { misuse } from '../private/resource/validation';

/**
 * By what to look for a file system: a creation token, tags, or both.
 */
export interface FileSystemLookupOptions {
  /**
   * The creation token.
   *
   * @default - any
   */
  readonly creationToken?: string;

  /**
   * The tags, all of which it must have.
   *
   * @default - any
   */
  readonly tags?: { [key: string]: string };

  /**
   * The security group of its mount targets.
   */
  readonly securityGroup: ec2.ISecurityGroup;
}

/**
 * Looks for a file system at deployment.
 *
 * @internal
 */
export function lookUpFileSystem(scope: Construct, id: string, options: FileSystemLookupOptions): efs.IFileSystem {
  const lookup = new Construct(scope, id);
  const { creationToken, securityGroup } = options;
  const tags = Object.entries(options.tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([Key, Value]) => ({ Key, Value }));
  if (creationToken === undefined && tags.length === 0) { throw misuse(lookup, "a lookup needs 'creationToken' or 'tags', got none"); }

  const resource = handledResource<FileSystemLookupProperties>(lookup, {
    resourceType: 'Custom::FileSystemLookup',
    provider: EfsProvider.getOrCreate(lookup),
    properties: { CreationToken: creationToken, Tags: tags.length > 0 ? tags : undefined },
  });
  // What is allowed at it goes by the construct, and must not change in place when another one is looked for.
  const digest = createHash('sha256').update(JSON.stringify(Stack.of(lookup).resolve([creationToken, tags]))).digest('hex').slice(0, 8);
  return efs.FileSystem.fromFileSystemAttributes(lookup, `FileSystem${digest}`, {
    fileSystemId: resource.getAtt('FileSystemId' satisfies keyof FileSystemLookupAttributes).toString(), securityGroup,
  });
}
