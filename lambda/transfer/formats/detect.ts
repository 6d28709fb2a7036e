import type { ImageFile } from './layout';
import { detected, HEAD, TAIL, type DetectedFormat, type FileEnds } from '../../../src/contract/image-recognition';

/** Reads the bytes that show the format of a file. */
export async function endsOf(file: ImageFile): Promise<FileEnds> {
  const { size } = file;
  const length = Math.min(TAIL, size);
  const [head, tail] = await Promise.all([file.read(0, Math.min(HEAD, size)), file.read(size - length, length)]);
  return { size, head, tail };
}

/** Returns the format of a file. Refuses formats that cannot be read, by name. */
export async function detect(file: ImageFile): Promise<DetectedFormat> {
  return detected(await endsOf(file));
}
