import { VHD_FOOTER } from './vhd';
import { GIB } from '../blocks/sizes';

/** What Virtual PC, Hyper-V 1, Azure and qemu take at most. */
export const MOST_VHD_GIB = 2_040;

const SECTOR = 512;
const CHECKSUM = 64;
/** Of cylinders, heads and sectors: what they cannot count has just the most of each. */
const MOST_CHS_SECTORS = 65_535 * 16 * 255;

/** What makes a fixed VHD of the disk before it. `id`: 16 bytes, of a UUID. */
export function fixedVhdFooter(size: number, id: Buffer): Buffer {
  if (size % SECTOR !== 0 || size > MOST_VHD_GIB * GIB) { throw new Error(`a VHD holds at most ${MOST_VHD_GIB} GiB in whole sectors, not ${size} bytes`); }
  const footer = Buffer.alloc(VHD_FOOTER);
  footer.write('conectix', 0, 'latin1');
  // No features, but for a bit that is always set; version 1.0.
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x0001_0000, 12);
  // Nothing follows, as the header of a dynamic one would.
  footer.fill(0xff, 16, 24);
  // Of this program and host, every reader takes the size as it stands below; of an unknown one, qemu-img takes that of the geometry, which is less.
  footer.write('win ', 28, 'latin1');
  footer.writeUInt32BE(0x000a_0000, 32);
  footer.write('Wi2k', 36, 'latin1');
  footer.writeBigUInt64BE(BigInt(size), 40);
  footer.writeBigUInt64BE(BigInt(size), 48);
  const { cylinders, heads, sectors } = geometry(size / SECTOR);
  footer.writeUInt16BE(cylinders, 56);
  footer[58] = heads;
  footer[59] = sectors;
  footer.writeUInt32BE(2, 60);
  id.copy(footer, 68, 0, 16);
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, CHECKSUM);
  return footer;
}

/** As the specification's appendix has it. */
function geometry(total: number): { readonly cylinders: number; readonly heads: number; readonly sectors: number } {
  const all = Math.min(total, MOST_CHS_SECTORS);
  const of = (heads: number, sectors: number) => ({ cylinders: Math.floor(Math.floor(all / sectors) / heads), heads, sectors });
  if (all >= 65_535 * 16 * 63) { return of(16, 255); }
  const heads = Math.max(4, Math.floor((Math.floor(all / 17) + 1_023) / 1_024));
  if (Math.floor(all / 17) < heads * 1_024 && heads <= 16) { return of(heads, 17); }
  return Math.floor(all / 31) < 16 * 1_024 ? of(16, 31) : of(16, 63);
}
