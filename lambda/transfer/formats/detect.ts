import type { ImageFile } from './layout';
import { detected, HEAD, TAIL, type DetectedFormat, type FileEnds } from '../../../src/contract/image-recognition';

/** Reads the bytes that show the format of a file. */
export async function endsOf(file: ImageFile): Promise<FileEnds> {
  const { size } = file;
  const [head, tail] = [Math.min(HEAD, size), Math.min(TAIL, size)];
  return { size, head: await file.read(0, head), tail: await file.read(size - tail, tail) };
}

/** Returns the format of a file. Refuses formats that cannot be read, by name. */
export async function detect(file: ImageFile): Promise<DetectedFormat> {
  return detected(await endsOf(file));
}
