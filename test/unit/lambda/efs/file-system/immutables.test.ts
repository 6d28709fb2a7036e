import { FILES, fileSystem } from './given';
import { differences, immutableChanges, immutablesOf, referenceOf, replacingChanges, tokenOf } from '../../../../../lambda/efs/file-system/immutables';

test('the derived creation token changes with the construct and each immutable property, and with nothing else', () => {
  const others = [
    FILES, { ...FILES, Owner: 'Stack/Others' }, { ...FILES, Encrypted: 'true' }, { ...FILES, KmsKeyId: 'key' },
    { ...FILES, PerformanceMode: 'maxIO' }, { ...FILES, AvailabilityZoneName: 'eu-west-1a' },
  ];
  expect(new Set(others.map(tokenOf)).size).toBe(others.length);
  const same = { ...FILES, Encrypted: 'false', PerformanceMode: 'generalPurpose', RemovalPolicy: 'Retain', ThroughputMode: 'elastic' };
  expect(tokenOf(same)).toBe(tokenOf(FILES));
});

test('the derived creation token is the one of the first release', () => {
  expect(tokenOf({ ...FILES, Encrypted: true })).toBe('e87999fc24e20e254f7a1c854db423aa48aee2d7a43e90abf685908a46f1b268');
});

test('a file system is named by its id, by the user\'s token, or by the derived one', () => {
  expect(referenceOf({ ...FILES, CreationToken: 'mine', AdoptFileSystemId: 'fs-1' })).toBe('fs-1');
  expect(referenceOf({ ...FILES, CreationToken: 'mine' })).toBe('mine');
  expect(referenceOf(FILES)).toBe(tokenOf(FILES));
});

test('differences name the prop with both values; any key will do where none is wanted', () => {
  const actual = fileSystem({}, { Encrypted: true, KmsKeyId: 'arn:key', PerformanceMode: 'generalPurpose' });
  expect(differences(actual, immutablesOf({ ...FILES, Encrypted: 'true' }, undefined))).toEqual([]);
  expect(differences(actual, immutablesOf({ ...FILES, Encrypted: 'true' }, 'arn:other'))).toEqual(['kmsKey is arn:key, not arn:other']);
  expect(differences(actual, immutablesOf({ ...FILES, AvailabilityZoneName: 'eu-west-1a' }, undefined)))
    .toEqual(['encrypted is true, not false', 'availabilityZoneName is not set, not eu-west-1a']);
});

test('two names of a key may mean the same key, so only a replacement counts them as a change', () => {
  const [one, other] = [{ ...FILES, Encrypted: true, KmsKeyId: 'alias/a' }, { ...FILES, Encrypted: true, KmsKeyId: 'b' }];
  expect(immutableChanges(other, one)).toEqual([]);
  expect(replacingChanges(other, one)).toEqual(['kmsKey from alias/a to b']);
  expect(immutableChanges(FILES, one)).toEqual(['encrypted from true to false', 'kmsKey from alias/a to none']);
});
