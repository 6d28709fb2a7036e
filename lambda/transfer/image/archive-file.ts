import { LaidOutDisk, type ReadFile } from './disk';
import { ofMember } from '../../../src/contract/archive/disk-member';
import type { TarMember } from '../../../src/contract/archive/tar';
import { TarMemberLayout } from '../formats/tar-file';

export interface OpenFile {
  readonly size: number;
  readonly readFile: ReadFile;
}

/** Opens a file in an archive that can be read anywhere. */
export function fileIn(archive: OpenFile, member: TarMember): OpenFile {
  const content = new LaidOutDisk(new TarMemberLayout(member, archive.size), archive.readFile);
  return { size: member.size, readFile: (offset, into, arrived) => content.read(offset, into, arrived) };
}

/** Says of a refusal in which file of the archive its cause is. */
export function inMember<T>(name: string, work: () => Promise<T>): Promise<T> {
  return work().catch(error => { throw ofMember(name, error); });
}
