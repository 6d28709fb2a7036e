import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { Size, type Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, DiskImageFormat, SnapshotImport, type DiskImageOptions } from '../../../../src';
import { DISK_IMAGE_FORMATS } from '../../../../src/contract/disk-image-format';
import { givenStack, propertiesOf } from '../../../harness/given';

const TYPE = 'Custom::SnapshotImport';

function given(options: DiskImageOptions): Stack {
  const { stack } = givenStack();
  const bucket = s3.Bucket.fromBucketName(stack, 'Bucket', 'images');
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img', undefined, options) });
  return stack;
}

test('the handler knows every format', () => {
  expect(Object.values(DiskImageFormat)).toEqual([...DISK_IMAGE_FORMATS]);
});

test('the template says what the user chose, and nothing else', () => {
  expect(propertiesOf(given({ format: DiskImageFormat.QCOW2 }), TYPE)).toMatchObject({ SourceFormat: 'QCOW2' });
  expect(propertiesOf(given({ format: DiskImageFormat.RAW, containerAsRaw: true }), TYPE)).toMatchObject({ SourceFormat: 'RAW', ContainerAsRaw: true });
  for (const options of [{}, { format: DiskImageFormat.AUTO, containerAsRaw: false }]) {
    expect(Object.keys(propertiesOf(given(options), TYPE))).not.toEqual(expect.arrayContaining(['SourceFormat']));
    expect(Object.keys(propertiesOf(given(options), TYPE))).not.toEqual(expect.arrayContaining(['ContainerAsRaw']));
  }
});

test('a container may be raw only where that is said', () => {
  expect(() => given({ containerAsRaw: true })).toThrow("specify 'containerAsRaw' or 'format: AUTO', not both (in Stack/Image)");
});

describe('a local file', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'formats-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  /** Of 1.5 GiB, without taking the room. */
  function file(name: string, start: string, end = ''): string {
    const filePath = path.join(folder, name);
    fs.writeFileSync(filePath, start, 'latin1');
    fs.truncateSync(filePath, 1.5 * 1024 ** 3 - 512);
    fs.appendFileSync(filePath, Buffer.alloc(512).fill(end.padEnd(512, '\0'), 'latin1'));
    return filePath;
  }

  const define = (filePath: string, options?: DiskImageOptions) => {
    const { stack } = givenStack();
    // Refused before the asset is copied; whatever is not, fails to be copied at all.
    const image = DiskImage.fromAsset(filePath, options);
    jest.spyOn(image, '_bind').mockImplementation(() => { throw new Error('accepted'); });
    return () => new SnapshotImport(stack, 'Image', { image, volumeSize: Size.gibibytes(1) });
  };

  test('that is raw must fit into the volume', () => {
    expect(define(file('raw.img', 'bootcode'))).toThrow("'volumeSize' must be at least 2 GiB for an image of 1610612736 bytes, got 1");
    expect(define(file('meant.img', 'QFI\xfb'), { format: DiskImageFormat.RAW })).toThrow("'volumeSize' must be at least 2 GiB");
  });

  test.each([
    ['disk.qcow2', 'QFI\xfb', ''],
    ['disk.vhd', 'bootcode', 'conectix'],
    ['disk.zst', '\x28\xb5\x2f\xfd', ''],
  ])('that is none, as %s, tells its size when it is imported', (name, start, end) => {
    expect(define(file(name, start, end))).toThrow('accepted');
  });
});
