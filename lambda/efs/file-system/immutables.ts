import { createHash } from 'node:crypto';
import type { FileSystemDescription } from '@aws-sdk/client-efs';
import type { FileSystemProperties } from '../../../src/contract/file-system';
import { boolean } from '../../shared/property-values';

/** What cannot be changed once a file system exists, by the names of the props, as EFS describes it. */
export interface Immutables {
  readonly encrypted: boolean;
  /** ARN. Absent: no key was chosen, and whichever encrypts it will do. */
  readonly kmsKey?: string;
  readonly performanceMode: string;
  readonly availabilityZoneName?: string;
}

/** What an absent property means: EFS's own defaults. */
export const DEFAULTS = { Encrypted: 'false', PerformanceMode: 'generalPurpose' } as const;

/** `kmsKey`: the ARN of the key in the properties. */
export function immutablesOf(properties: FileSystemProperties, kmsKey: string | undefined): Immutables {
  return {
    encrypted: boolean('encrypted', properties.Encrypted ?? DEFAULTS.Encrypted),
    kmsKey,
    performanceMode: properties.PerformanceMode ?? DEFAULTS.PerformanceMode,
    availabilityZoneName: properties.AvailabilityZoneName,
  };
}

/** `encrypted is false, not true` … Empty if the file system is as wanted. */
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
 * The user's creation token, or one that is the same whenever this construct
 * is deployed with these immutable properties. Those that have their default
 * are left out, so that one which a later release adds changes no token.
 */
export function tokenOf(properties: FileSystemProperties): string {
  if (properties.CreationToken !== undefined) { return properties.CreationToken; }
  const chosen = immutableEntries(properties);
  return createHash('sha256').update(JSON.stringify([properties.Owner, ...chosen])).digest('hex');
}

/** `encrypted from false to true` …, as far as the properties tell: two names of a key may mean the same one. */
export function changes(properties: FileSystemProperties, old: FileSystemProperties): string[] {
  const [before, after] = [new Map(immutableEntries(old)), new Map(immutableEntries(properties))];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(name => before.get(name) !== after.get(name))
    .filter(name => name !== 'KmsKeyId' || !before.has(name) || !after.has(name))
    .map(name => `${PROPS[name]} from ${before.get(name) ?? absent(name)} to ${after.get(name) ?? absent(name)}`);
}

const PROPS: Record<string, string> = {
  Encrypted: 'encrypted', KmsKeyId: 'kmsKey', PerformanceMode: 'performanceMode', AvailabilityZoneName: 'availabilityZoneName',
};

/** What names the file system: an id, or a creation token. */
export function referenceOf(properties: FileSystemProperties): string {
  return properties.AdoptFileSystemId ?? tokenOf(properties);
}

/** Why one of them makes another file system than the other, in words. */
export function replacingChanges(properties: FileSystemProperties, old: FileSystemProperties): string[] {
  const named = ({ CreationToken, AdoptFileSystemId, KmsKeyId }: FileSystemProperties): Record<string, string | undefined> =>
    ({ adoptFileSystemId: AdoptFileSystemId, creationToken: CreationToken, kmsKey: KmsKeyId });
  const [before, after] = [named(old), named(properties)];
  const others = changes(properties, old).filter(change => !change.startsWith('kmsKey '));
  return [
    ...others,
    ...Object.keys(before).filter(name => before[name] !== after[name]).map(name => `${name} from ${before[name] ?? 'none'} to ${after[name] ?? 'none'}`),
  ];
}

/** In a fixed order, without those that have their default. */
function immutableEntries(properties: FileSystemProperties): [string, string][] {
  const { AvailabilityZoneName, Encrypted, KmsKeyId, PerformanceMode } = properties;
  return Object.entries({ AvailabilityZoneName, Encrypted, KmsKeyId, PerformanceMode })
    .filter(([name, value]) => value !== undefined && String(value) !== (DEFAULTS as Record<string, string>)[name])
    .map(([name, value]) => [name, String(value)]);
}

function absent(name: string): string {
  return (DEFAULTS as Record<string, string>)[name] ?? 'none';
}
