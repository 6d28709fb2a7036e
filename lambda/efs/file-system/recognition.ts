import type { FileSystemDescription } from '@aws-sdk/client-efs';
import { differences, immutablesOf } from './immutables';
import type { Keys } from './keys';
import type { FileSystemProperties } from '../../../src/contract/file-system';

/**
 * Returns whether the properties may name the file system that the old properties named, in another spelling. They do not if one of them
 * names it by an id, token or key and the other names none: in a rollback, the physical id of the event may be that of the replacement,
 * which would then seem to be the wanted one.
 */
export function mayNameTheSame(properties: FileSystemProperties, old: FileSystemProperties): boolean {
  const isNamed = ({ AdoptFileSystemId, CreationToken }: FileSystemProperties) => AdoptFileSystemId !== undefined || CreationToken !== undefined;
  return (isNamed(properties) || !isNamed(old)) && (properties.KmsKeyId === undefined) === (old.KmsKeyId === undefined);
}

/** Returns whether the file system is the one that the properties name, and has their immutable properties. A key has several names. */
export async function isWanted(fileSystem: FileSystemDescription, properties: FileSystemProperties, keys: Keys): Promise<boolean> {
  const { AdoptFileSystemId: id, CreationToken: token, KmsKeyId: key } = properties;
  if ((id ?? fileSystem.FileSystemId) !== fileSystem.FileSystemId) { return false; }
  if ((token ?? fileSystem.CreationToken) !== fileSystem.CreationToken) { return false; }
  return differences(fileSystem, immutablesOf(properties, key && await keys.find(key))).length === 0;
}
