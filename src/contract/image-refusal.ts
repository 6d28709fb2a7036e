/** The reason why an image cannot be imported. The message continues a sentence that begins with the name of the image. */
export class ImageRefusal extends Error {}

export function refuse(what: string): never {
  throw new ImageRefusal(what);
}

/** Refuses a disk whose partitions are counted in sectors of 4096 bytes. */
export function refuseLargeSectors(): never {
  return refuse('is a disk with sectors of 4096 bytes, but EBS volumes have sectors of 512 bytes, so neither firmware nor kernel would find its partitions; '
    + 'make it anew with sectors of 512 bytes (Hyper-V: New-VHD -LogicalSectorSizeBytes 512; systemd-repart: --sector-size=512)');
}
