import { refuse } from './image-refusal';

/** Not a VMDK itself, but the text that is beside those in several files. */
export function refuseVmdkDescriptor(descriptor: string): never {
  return refuse(`is the descriptor of a VMDK of type '${createType(descriptor)}', whose data is in other files; join them first, with: qemu-img convert -O qcow2`);
}

/** Returns the type of VMDK that a descriptor names. */
export function createType(descriptor: string): string {
  return /^createType\s*=\s*"([\w-]{1,40})"/im.exec(descriptor)?.[1] ?? 'unknown';
}
