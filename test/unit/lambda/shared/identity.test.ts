import { identityOf } from '../../../../lambda/shared/identity';
import type { OwnerProperties } from '../../../../src/contract/ownership';

interface Properties extends OwnerProperties {
  readonly Size?: number | string; readonly Kind?: string; readonly Parts?: unknown; readonly Label?: string;
}

const OWNED = { Owner: 'o', RemovalPolicy: 'Delete' } as const;
const life = { identity: ['Size', 'Kind', 'Parts'] as const, defaults: { Kind: 'plain' } };
const of = (properties: Partial<Properties>) => identityOf<Properties>(life, { ...OWNED, ...properties });

test('is another digest for each value of an identity property, and the same for others', () => {
  expect(of({ Size: 1 })).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set([of({}), of({ Size: 1 }), of({ Size: 2 }), of({ Kind: '1' }), of({ Parts: ['1'] })]).size).toBe(5);
  expect(of({ Size: 1, Label: 'a' })).toBe(of({ Size: 1, Label: 'b' }));
});

test('is the same whether CloudFormation sends a scalar as a string or not', () => {
  expect(of({ Size: 1, Parts: [{ a: true }] })).toBe(of({ Size: '1', Parts: [{ a: 'true' }] }));
});

test('is the same in whatever order keys come, but not lists', () => {
  expect(of({ Parts: { a: 1, b: 2 } })).toBe(of({ Parts: { b: 2, a: 1 } }));
  expect(of({ Parts: [1, 2] })).not.toBe(of({ Parts: [2, 1] }));
});

test('is the same for a default that is sent and for one that is left out', () => {
  expect(of({ Size: 1, Kind: 'plain' })).toBe(of({ Size: 1 }));
});

test('does not change when a later release adds a property that is not set', () => {
  const later = { identity: [...life.identity, 'Label'] as const, defaults: life.defaults };
  expect(identityOf<Properties>(later, { ...OWNED, Size: 1 })).toBe(of({ Size: 1 }));
  expect(identityOf<Properties>(later, { ...OWNED, Size: 1, Label: 'x' })).not.toBe(of({ Size: 1 }));
});

test('stays what it was in the first release, because tags of existing resources hold it', () => {
  expect(of({ Size: 1, Kind: 'other', Parts: [{ b: 1, a: null }] })).toBe('7d84b783ca7f255e7a71b322197d1da3');
});
