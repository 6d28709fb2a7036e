import { LaidOutDisk, type ReadFile } from './disk';
import { ofMember, type Archive } from '../../../src/contract/archive/disk-member';
import { MemberLayout, type Place } from '../formats/archive-file';

export interface OpenFile {
  readonly size: number;
  readonly readFile: ReadFile;
}

/** Opens a file in an archive that can be read anywhere. */
export function fileIn(archive: OpenFile, member: Place): OpenFile {
  const content = new LaidOutDisk(new MemberLayout(member, archive.size), archive.readFile);
  return { size: member.size, readFile: (offset, into, arrived) => content.read(offset, into, arrived) };
}

/** Says of a refusal in which file of the archive its cause is. */
export function inMember<T>({ archive, name }: { readonly archive: Archive; readonly name: string }, work: () => Promise<T>): Promise<T> {
  return work().catch(error => { throw ofMember(archive, name, error); });
}
