import { createHash } from 'node:crypto';
import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { boolean } from '../../shared/property-values';

/** The properties that EFS cannot change on an existing file system, by the names of the props, with the values that EFS returns. */
export interface Immutables {
  readonly encrypted: boolean;
  /** ARN of the key. Absent: any key is accepted. */
  readonly kmsKey?: string;
  readonly performanceMode: string;
  readonly availabilityZoneName?: string;
}

/** EFS's defaults, which an absent property means. */
export const DEFAULTS = { Encrypted: 'false', PerformanceMode: 'generalPurpose' } as const;

/** Returns the immutable properties. `kmsKey`: the ARN of the key in the properties. */
export function immutablesOf(properties: FileSystemProperties, kmsKey: string | undefined): Immutables {
  return {
    encrypted: boolean('encrypted', properties.Encrypted ?? DEFAULTS.Encrypted),
    kmsKey,
    performanceMode: properties.PerformanceMode ?? DEFAULTS.PerformanceMode,
    availabilityZoneName: properties.AvailabilityZoneName,
  };
}

/** Describes how a file system differs from the wanted one: `encrypted is false, not true` … */
export function differences(fileSystem: FileSystemDescription, wanted: Immutables): string[] {
  const actual: Record<keyof Immutables, unknown> = {
    encrypted: fileSystem.Encrypted ?? false,
    kmsKey: wanted.kmsKey === undefined ? undefined : fileSystem.KmsKeyId,
    performanceMode: fileSystem.PerformanceMode,
    availabilityZoneName: fileSystem.AvailabilityZoneName,
  };
  return (Object.keys(actual) as (keyof Immutables)[])
    .filter(name => actual[name] !== wanted[name])
    .map(name => `${name} is ${actual[name] ?? 'not set'}, not ${wanted[name] ?? 'absent'}`);
}

/**
 * Returns the user's creation token, or one derived from the construct and its immutable properties. Properties that have their default
 * are left out, so that a property that a later release adds does not change existing tokens.
 */
export function tokenOf(properties: FileSystemProperties): string {
  if (properties.CreationToken !== undefined) { return properties.CreationToken; }
  const chosen = immutableEntries(properties);
  return createHash('sha256').update(JSON.stringify([properties.Owner, ...chosen])).digest('hex');
}

/** Describes the changes of immutable properties: `encrypted from false to true` … Leaves out a change from one key to another: both may name the same key. */
export function immutableChanges(properties: FileSystemProperties, old: FileSystemProperties): string[] {
  const [before, after] = [new Map(immutableEntries(old)), new Map(immutableEntries(properties))];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(name => before.get(name) !== after.get(name))
    .filter(name => name !== 'KmsKeyId' || !before.has(name) || !after.has(name))
    .map(name => `${PROPS[name]} from ${before.get(name) ?? defaultOf(name)} to ${after.get(name) ?? defaultOf(name)}`);
}

const PROPS: Record<string, string> = {
  Encrypted: 'encrypted', KmsKeyId: 'kmsKey', PerformanceMode: 'performanceMode', AvailabilityZoneName: 'availabilityZoneName',
};

/** Returns what names the file system: its id if it is to be adopted, otherwise its creation token. */
export function referenceOf(properties: FileSystemProperties): string {
  return properties.AdoptFileSystemId ?? tokenOf(properties);
}

/** Describes all changes between the properties that mean another file system. */
export function replacingChanges(properties: FileSystemProperties, old: FileSystemProperties): string[] {
  const namesIn = ({ CreationToken, AdoptFileSystemId, KmsKeyId }: FileSystemProperties): Record<string, string | undefined> =>
    ({ adoptFileSystemId: AdoptFileSystemId, creationToken: CreationToken, kmsKey: KmsKeyId });
  const [before, after] = [namesIn(old), namesIn(properties)];
  const others = immutableChanges(properties, old).filter(change => !change.startsWith('kmsKey '));
  return [
    ...others,
    ...Object.keys(before).filter(name => before[name] !== after[name]).map(name => `${name} from ${before[name] ?? 'none'} to ${after[name] ?? 'none'}`),
  ];
}

/** Returns the immutable properties in a fixed order, without those that have their default. */
function immutableEntries(properties: FileSystemProperties): [string, string][] {
  const { AvailabilityZoneName, Encrypted, KmsKeyId, PerformanceMode } = properties;
  return Object.entries({ AvailabilityZoneName, Encrypted, KmsKeyId, PerformanceMode })
    .filter(([name, value]) => value !== undefined && String(value) !== (DEFAULTS as Record<string, string>)[name])
    .map(([name, value]) => [name, String(value)]);
}

function defaultOf(name: string): string {
  return (DEFAULTS as Record<string, string>)[name] ?? 'none';
}
