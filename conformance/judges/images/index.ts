/**
 * qemu-img, tar, Python's zipfile, gzip, zstd and xz make disk images that nobody has seen before; what an import would read of them is compared with what qemu-img
 * says they hold. `SEED=… npx projen conformance images` makes the same ones again.
 */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BlockSet } from '../../../lambda/transfer/blocks/block-set';
import { BLOCK_SIZE, blocksOf, GIB } from '../../../lambda/transfer/blocks/sizes';
import { Qcow2Prelude } from '../../../lambda/transfer/formats/qcow2-prelude';
import type { Source } from '../../../lambda/transfer/image/object';
import { openDisk } from '../../../lambda/transfer/image/open-disk';
import { probe } from '../../../lambda/transfer/image/probe';
import { Random } from '../../../test/harness/ebs/fault-plan';
import { environment, workFolder } from '../../tools/folders';
import { output } from '../../tools/processes';
import { Unavailable, type Report } from '../../tools/report';
import { debian } from '../../tools/tools';

const MIB = 1024 * 1024;
/** Of one run: no more images are made after these. */
const MOST_MILLISECONDS = 60_000;
const LARGEST_DISK = 20 * MIB;

export async function judgeImages(report: Report): Promise<void> {
  const folder = workFolder('images');
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  const section = report.section(`qemu-img, tar, zipfile, gzip, zstd, xz; SEED=${seed}`, 'the import\'s readers');
  let bin: string | undefined;
  await section.check('are here', async () => {
    bin = await debian('qemu-utils');
    return (await output(join(bin, 'qemu-img'), ['--version'], { env: environment() })).split('\n')[0];
  });
  if (bin === undefined) { return; }
  const making = new Making(bin, folder, new Random(seed));
  const end = Date.now() + MOST_MILLISECONDS;
  const kinds = Object.entries(making.kinds);
  // Begins with another kind each time, so that a slow machine does not leave out the same ones in every run.
  const first = seed % kinds.length;
  for (const [name, make] of [...kinds.slice(first), ...kinds.slice(0, first)]) {
    if (Date.now() > end) {
      section.row(name, 'not run', `${MOST_MILLISECONDS / 1000} s are over`);
      continue;
    }
    await section.check(name, async () => {
      const { file, raw, how, volumeSize } = await make();
      const wanted = readFileSync(raw);
      const read = await readAsImport(file, volumeSize, making.random);
      const differs = read.length === wanted.length ? read.compare(wanted) !== 0 : true;
      if (differs) { throw new Error(`${file} (${how}) reads as ${read.length} bytes, ${sha256(read)}, not as ${wanted.length}, ${sha256(wanted)}`); }
      return `${how}; ${wanted.length} bytes, identical`;
    });
  }
  const exports = report.section('qemu-img', 'SnapshotExport');
  await exports.check('finds no fault in the tables of a qcow2 image of 60 TiB', () => largeQcow2(join(bin!, 'qemu-img'), join(folder, 'large.qcow2')));
}

interface Made {
  readonly file: string;
  /** What is in it, by qemu-img. */
  readonly raw: string;
  readonly how: string;
  /** GiB, where the image does not tell. */
  readonly volumeSize?: number;
}

/** How GNU tar writes the map of a sparse file. */
const SPARSE = [['-S', '--format=oldgnu'], ['-S', '--format=pax', '--sparse-version=0.0'], ['-S', '--format=pax', '--sparse-version=0.1'], ['-S', '--format=pax', '--sparse-version=1.0']];

interface ArchiveOptions {
  /** Absent: raw. */
  readonly format?: string;
  /** Of qemu-img. */
  readonly options?: string[];
  readonly sparse?: string[];
  /** In any format of tar that has no sparse files. */
  readonly plain?: boolean;
  readonly compress?: 'gzip' | 'xz';
  /** Of Python's zipfile. */
  readonly method?: string;
}

interface Packing extends ArchiveOptions {
  readonly folder: string;
  readonly names: string[];
}

class Making {
  public readonly kinds: Record<string, () => Promise<Made>> = {
    'qcow2, as it is': () => this.qcow2('none'),
    'qcow2, compressed with zlib': () => this.qcow2('zlib'),
    'qcow2, compressed with zstd': () => this.qcow2('zstd'),
    'qcow2, with subclusters': () => this.qcow2('extended'),
    'VHD, dynamic': () => this.convert('vpc', ['subformat=dynamic', `force_size=${this.random.of(['on', 'off'])}`]),
    'VHD, fixed': () => this.convert('vpc', ['subformat=fixed', 'force_size=on']),
    'VHDX': () => this.convert('vhdx', [`subformat=${this.random.of(['dynamic', 'fixed'])}`, `block_size=${this.random.of(['1M', '2M', '8M', '32M'])}`]),
    'VMDK, sparse': () => this.convert('vmdk', [`zeroed_grain=${this.random.of(['on', 'off'])}`], [], { writes: true }),
    'VMDK, stream-optimized': () => this.convert('vmdk', ['subformat=streamOptimized']),
    'gzip of a raw disk': () => this.compressed('gzip', [`-${this.random.between(1, 9)}`], { volumeSize: 1 }),
    'zstd of a raw disk': () => this.compressed('zstd', ['-q', `-${this.random.between(1, 12)}`]),
    'xz of a raw disk, in one block': () => this.compressed('xz', ['-1', `--check=${this.random.of(['crc32', 'crc64', 'none'])}`]),
    'xz of a raw disk, in several blocks': () => this.compressed('xz', ['-1', `--block-size=${this.random.between(100_000, 5_000_000)}`]),
    'gzip of a fixed VHD': () => this.compressed('gzip', ['-1'], { volumeSize: 1, vhd: true }),
    'zstd of a fixed VHD': () => this.compressed('zstd', ['-q', '-1'], { vhd: true }),
    'xz of a fixed VHD, in one block': () => this.compressed('xz', ['-1'], { vhd: true }),
    'raw in a tar archive': () => this.archived(this.packTar, { plain: true }),
    'VMDK in an OVA': () => this.archived(this.packTar, { format: 'vmdk', options: ['subformat=streamOptimized'], plain: true }),
    'qcow2 in a tar archive': () => this.archived(this.packTar, { format: 'qcow2', options: ['compat=1.1'] }),
    ...Object.fromEntries(SPARSE.map((kind): [string, () => Promise<Made>] => [
      `a sparse disk in a tar archive, ${kind.join(' ')}`, () => this.archived(this.packTar, { sparse: kind }),
    ])),
    'a sparse disk in a tar archive, compressed with gzip': () => this.archived(this.packTar, { sparse: this.random.of(SPARSE), compress: 'gzip' }),
    'a disk in a tar archive, compressed with xz': () => this.archived(this.packTar, { sparse: this.random.of(SPARSE), compress: 'xz' }),
    'a disk in a ZIP archive, stored': () => this.archived(this.packZip, { method: 'ZIP_STORED' }),
    'qcow2 in a ZIP archive, stored': () => this.archived(this.packZip, { format: 'qcow2', options: ['compat=1.1'], method: 'ZIP_STORED' }),
    'a disk in a ZIP archive, deflated': () => this.archived(this.packZip, { method: 'ZIP_DEFLATED' }),
    'xz of a fixed VHD, in several blocks': () => this.compressed('xz', ['-1', `--block-size=${this.random.between(100_000, 5_000_000)}`], { vhd: true }),
  };
  private made = 0;

  constructor(private readonly bin: string, private readonly folder: string, public readonly random: Random) {}

  private qcow2(kind: 'none' | 'zlib' | 'zstd' | 'extended'): Promise<Made> {
    const { random } = this;
    const [compressed, extended] = [kind === 'zlib' || kind === 'zstd' || (kind === 'extended' && random.chance(0.5)), kind === 'extended'];
    const old = kind !== 'zstd' && !extended && random.chance(0.5);
    const options = [
      `compat=${old ? '0.10' : '1.1'}`,
      `cluster_size=${random.of(extended ? ['16k', '64k', '2M'] : ['512', '4k', '64k', '512k', '2M'])}`,
      ...extended ? ['extended_l2=on'] : [],
      ...kind === 'zstd' || (extended && random.chance(0.5)) ? ['compression_type=zstd'] : [],
      ...!compressed && random.chance(0.3) ? ['preallocation=metadata'] : [],
    ];
    return this.convert('qcow2', options, compressed ? ['-c'] : [], { writes: true });
  }

  /** `writes`: afterwards, some of it is overwritten, zeroed or discarded. */
  private async convert(format: string, options: string[], flags: string[] = [], { writes = false } = {}): Promise<Made> {
    const disk = this.disk();
    const file = `${disk}.${format}`;
    await this.qemu('qemu-img', 'convert', '-f', 'raw', '-O', format, ...flags, '-o', options.join(','), disk, file);
    const changes = writes ? Array.from({ length: this.random.between(0, 4) }, () => this.change(statSync(disk).size)) : [];
    if (changes.length > 0) { await this.qemu('qemu-io', '-f', format, file, ...changes.flatMap(change => ['-c', change])); }
    return { file, raw: await this.rawOf(file, format), how: [...flags, ...options, ...changes].join(' ') };
  }

  private async compressed(
    program: string, options: string[], { vhd = false, volumeSize }: { vhd?: boolean; volumeSize?: number } = {},
  ): Promise<Made> {
    const whole = vhd ? await this.convert('vpc', ['subformat=fixed', 'force_size=on']) : undefined;
    const disk = whole?.file ?? this.disk({ odd: true });
    try {
      await output(program, ['-k', ...options, disk], { env: environment() });
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Unavailable(`there is no ${program}`) : error;
    }
    const file = `${disk}.${{ gzip: 'gz', zstd: 'zst', xz: 'xz' }[program]}`;
    return { file, raw: whole?.raw ?? disk, how: `${program} ${options.join(' ')}`, volumeSize };
  }

  /** Packs a disk with files that are none, in any order. */
  private async archived(pack: (packing: Packing) => Promise<string>, options: ArchiveOptions): Promise<Made> {
    const { format, options: convert = [] } = options;
    const whole = format ? await this.convert(format, convert) : undefined;
    const disk = whole?.file ?? this.disk({ odd: true });
    const folder = `${disk}.archive`;
    mkdirSync(folder);
    const names = ['machine.ovf', 'machine.mf', 'README.txt', 'disk'];
    writeFileSync(join(folder, 'machine.ovf'), '<?xml version="1.0"?>\n<Envelope/>\n');
    writeFileSync(join(folder, 'machine.mf'), `SHA256(machine.ovf)= ${sha256(Buffer.from(disk))}\n`);
    writeFileSync(join(folder, 'README.txt'), 'a text of several lines\n'.repeat(this.random.between(1, 3_000)));
    renameSync(disk, join(folder, 'disk'));
    const inOrder = names.sort(() => this.random.chance(0.5) ? 1 : -1);
    try {
      const file = await pack.call(this, { folder, names: inOrder, ...options });
      return { file, raw: whole?.raw ?? join(folder, 'disk'), how: `${format ?? 'raw'} ${convert.join(' ')} ${[...options.sparse ?? [], options.compress, options.method, ...inOrder].join(' ')}` };
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Unavailable('there is no tar, gzip, xz or python3') : error;
    }
  }

  private async packTar({ folder, names, sparse = [], compress, plain = false }: Packing): Promise<string> {
    const file = `${folder}.tar`;
    const format = plain ? [`--format=${this.random.of(['v7', 'ustar', 'gnu', 'pax'])}`] : [];
    await output('tar', ['-cf', file, ...sparse, ...format, '-C', folder, ...names], { env: environment() });
    if (!compress) { return file; }
    await output(compress, ['-1', file], { env: environment() });
    return `${file}.${{ gzip: 'gz', xz: 'xz' }[compress]}`;
  }

  private async packZip({ folder, names, method }: Packing): Promise<string> {
    const file = `${folder}.zip`;
    const program = 'import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w", getattr(zipfile, sys.argv[2])) as z:\n'
      + '  for n in sys.argv[4:]:\n    z.write(sys.argv[3] + "/" + n, n)';
    await output('python3', ['-c', program, file, method!, folder, ...names], { env: environment() });
    return file;
  }

  /** Stretches of data, that compresses well or not at all, of zeros, and of nothing. */
  private disk({ odd = false } = {}): string {
    const { random } = this;
    const path = join(this.folder, `${this.made++}.img`);
    const size = odd ? random.between(512, LARGEST_DISK) : random.between(1, LARGEST_DISK / 512) * 512;
    writeFileSync(path, '');
    truncateSync(path, size);
    const file = openSync(path, 'r+');
    for (let n = random.between(0, 30); n > 0; n--) {
      const at = random.between(0, size - 1);
      const length = Math.min(size - at, random.of([1, 511, 512, 4_096, 65_536, 300_000, 2 * MIB]));
      const bytes = Buffer.alloc(length, random.of(['', 'a sector of this disk, and no other ', `${random.next()} `]));
      if (random.chance(0.5)) { for (let i = 0; i + 4 <= length; i += 4) { bytes.writeUInt32LE(random.between(0, 2 ** 31), i); } }
      writeSync(file, bytes, 0, length, at);
    }
    // The signature of a boot sector, without which no compressed disk is taken for one.
    writeSync(file, Buffer.from([0x55, 0xaa]), 0, 2, 510);
    closeSync(file);
    return path;
  }

  private change(size: number): string {
    const { random } = this;
    const sectors = Math.floor(size / 512);
    const first = random.between(0, sectors - 1);
    const [at, length] = [first * 512, random.between(1, Math.min(sectors - first, 1_000)) * 512];
    return random.of([`write -P ${random.between(1, 255)} ${at} ${length}`, `write -z ${at} ${length}`, `write -z -u ${at} ${length}`, `discard ${at} ${length}`]);
  }

  private async rawOf(file: string, format: string): Promise<string> {
    await this.qemu('qemu-img', 'convert', '-f', format, '-O', 'raw', file, `${file}.raw`);
    return `${file}.raw`;
  }

  private qemu(program: string, ...args: string[]): Promise<string> {
    return output(join(this.bin, program), args, { env: environment() });
  }
}

/** By what the functions of an import do: the handler, which looks at it, and a worker, which reads it in parts. */
async function readAsImport(path: string, volumeSize: number | undefined, random: Random): Promise<Buffer> {
  const file = openSync(path, 'r');
  try {
    const source = {
      read: async (_: unknown, offset: number, into: Buffer) => {
        if (readSync(file, into, 0, into.length, offset) !== into.length) { throw new Error(`read beyond the end of ${path}: ${into.length} bytes at ${offset}`); }
      },
    } as unknown as Source;
    const pinned = await probe(source, { bucket: 'local', key: path, etag: '', size: statSync(path).size }, { volumeSize });
    const disk = await openDisk(source, pinned);
    const parts: Buffer[] = [];
    for (let at = 0; at < disk.size && disk.endsAt === undefined;) {
      const part = Buffer.alloc(Math.min(random.between(1, 4 * MIB), disk.size - at), 0xee);
      await disk.read(at, part);
      parts.push(part);
      at += part.length;
    }
    await disk.close?.();
    return Buffer.concat(parts).subarray(0, disk.endsAt ?? disk.size);
  } finally {
    closeSync(file);
  }
}

/** As an export begins it, of so many blocks that the counts of their uses fill more than one cluster; the blocks are a hole in the file. */
async function largeQcow2(qemu: string, path: string): Promise<string> {
  const volumeBlocks = blocksOf(60 * 1024 * GIB);
  const present = BlockSet.empty(volumeBlocks);
  for (let i = 0; i < 300_000; i++) { present.add(i < 150_000 ? i : volumeBlocks - 1 - (i - 150_000) * 3); }
  const prelude = new Qcow2Prelude(volumeBlocks, present);
  writeFileSync(path, '');
  const file = openSync(path, 'r+');
  let at = 0;
  for (const piece of prelude.pieces()) { at += writeSync(file, piece, 0, piece.length, at); }
  closeSync(file);
  if (at !== prelude.size) { throw new Error(`its tables have ${at} bytes, not ${prelude.size}`); }
  truncateSync(path, at + present.count() * BLOCK_SIZE);
  const said = await output(qemu, ['check', '-f', 'qcow2', path], { env: environment() });
  const { 'virtual-size': size } = JSON.parse(await output(qemu, ['info', '-f', 'qcow2', '--output', 'json', path], { env: environment() }));
  if (size !== volumeBlocks * BLOCK_SIZE) { throw new Error(`it is a disk of ${size} bytes`); }
  truncateSync(path, 0);
  return `${present.count()} blocks; ${said.trim().split('\n')[0]}`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}
