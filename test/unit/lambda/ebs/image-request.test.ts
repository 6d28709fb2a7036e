import { imageNameOf } from '../../../../lambda/ebs/image-request';
import type { MachineImageProperties } from '../../../../src/contract/machine-image';

const name = (Owner: string, requestId = 'one', Name?: string) => imageNameOf(
  { Owner, Name } as MachineImageProperties, { stackId: 'stack', logicalId: 'Machine', requestId, identity: 'i' } as Parameters<typeof imageNameOf>[1]);

describe('the name of an AMI', () => {
  test('is the one that the user chose', () => {
    expect(name('Stack/Machine', 'one', 'golden')).toBe('golden');
  });

  test('is the owner and a digest of the request, so that a repeated request takes the same name, and another one another', () => {
    expect(name('Stack/Machine')).toMatch(/^Stack\/Machine-[0-9a-f]{12}$/);
    expect(name('Stack/Machine')).toBe(name('Stack/Machine'));
    expect(name('Stack/Machine', 'two')).not.toBe(name('Stack/Machine'));
  });

  test('has only characters that EC2 allows, and 128 at most', () => {
    expect(name('Stack/Größe:1#')).toMatch(/^Stack\/Gr--e-1--[0-9a-f]{12}$/);
    expect(name('x'.repeat(300))).toHaveLength(128);
  });
});
