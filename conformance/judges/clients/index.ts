/**
 * Programs that know nothing of us use our emulator, and what our handlers
 * made there: boto3, coldsnap, and what reads disk images and file systems.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EBSClient } from '@aws-sdk/client-ebs';
import { App, Stack } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, ExportFormat, Snapshot, SnapshotExport, SnapshotImport } from 'cdk-durable-storage';
import { BlockReader } from '../../../lambda/transfer/snapshot/block-reader';
import { CloudFormation } from '../../../world/cloudformation';
import { Emulator } from '../../../world/emulator/emulator';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { environment, ROOT, workFolder } from '../../tools/folders';
import { output, run } from '../../tools/processes';
import { Unavailable, type Report } from '../../tools/report';
import { coldsnap, debian, python, version } from '../../tools/tools';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const BLOCK = MIB / 2;
const IMAGE_SIZE = 24 * MIB;
const PYTHON = join(ROOT, 'conformance', 'judges', 'clients', 'python');

export async function judgeByClients(report: Report, coldsnapBuild: Promise<string> | undefined): Promise<void> {
  const emulator = await Emulator.start({ ebs: { startMisses: 0 } });
  // Clients wait in real time; the emulator's goes by ten times as fast.
  const ticker = setInterval(() => emulator.clock.advance(1_000), 100);
  const folder = workFolder('clients');
  try {
    const image = await diskImage(report, folder);
    const imported = image && await importImage(report, emulator, folder, image);
    await boto3(report, emulator, folder, image, imported);
    await coldsnapOn(report, emulator, folder, image, imported, coldsnapBuild);
    if (imported) { await fileSystem(report, emulator, folder, imported); }
    if (image && imported) { await exportImages(report, emulator, folder, image, imported); }
  } finally {
    clearInterval(ticker);
    await emulator.close();
  }
}

/** An ext4 file system with a file that is known; without mke2fs, bytes of our own will do for all but the check of file systems. */
async function diskImage(report: Report, folder: string): Promise<string | undefined> {
  const section = report.section('mke2fs', 'an image of our own');
  const content = join(folder, 'content');
  const image = join(folder, 'disk.img');
  mkdirSync(content);
  writeFileSync(join(content, 'random'), Buffer.concat(Array.from({ length: 16 }, (_, i) => Buffer.alloc(MIB / 4, createHash('sha512').update(`${i}`).digest()))));
  writeFileSync(join(content, 'hello'), 'hello, world\n');
  const made = await section.check('is made', async () => {
    await output(join(await debian('e2fsprogs'), 'mke2fs'), ['-q', '-F', '-t', 'ext4', '-d', content, image, `${IMAGE_SIZE / 1024}`], { env: environment() });
    return '24 MiB, ext4';
  });
  return made ? image : undefined;
}

/** By the functions that ship, in processes of their own. */
async function importImage(report: Report, emulator: Emulator, folder: string, imagePath: string): Promise<string | undefined> {
  const section = report.section('the CloudFormation player', 'SnapshotImport');
  let snapshotId: string | undefined;
  await section.check('imports it', async () => {
    const app = new App({ outdir: join(folder, 'cdk.out'), analyticsReporting: false });
    const stack = new Stack(app, 'Disk', { env: { account: ACCOUNT, region: REGION } });
    new SnapshotImport(stack, 'Image', { image: DiskImage.fromAsset(imagePath) });
    const outcome = await new CloudFormation(emulator).deploy(app.synth().directory, 'Disk');
    if (outcome.status !== 'CREATE_COMPLETE') { throw new Error(`${outcome.status}: ${outcome.reason}`); }
    snapshotId = Object.values(outcome.resources).find(({ type }) => type === 'Custom::SnapshotImport')!.physicalId;
    return snapshotId;
  });
  return snapshotId;
}

async function boto3(report: Report, emulator: Emulator, folder: string, image: string | undefined, imported: string | undefined): Promise<void> {
  const section = report.section(`boto3 ${version('boto3')}`, 'emulator');
  let program: string | undefined;
  await section.check('is set up', async () => { program = join(await python('boto3'), 'python'); });
  if (program === undefined) { return; }
  const env = environment({ AWS_ENDPOINT_URL: emulator.server.url, AWS_DEFAULT_REGION: REGION });
  const ebs = async (...args: string[]) => JSON.parse(await output(program!, [join(PYTHON, 'boto3_ebs.py'), ...args], { env })) as any;

  await section.check('EFS: everything, in pages', async () => {
    const vpc = emulator.ec2.createVpc({ cidrBlock: '10.9.0.0/16' });
    const { subnetId } = emulator.ec2.createSubnet({ vpcId: vpc.vpcId, cidrBlock: '10.9.1.0/24', availabilityZone: `${REGION}a` });
    const { groupId } = emulator.ec2.createSecurityGroup({ vpcId: vpc.vpcId, groupName: 'nfs', description: 'nfs' });
    const said = await output(program!, [join(PYTHON, 'boto3_efs.py'), subnetId, groupId], { env });
    return said.trim().split('\n').join('; ');
  });
  if (image !== undefined && imported !== undefined) {
    await section.check('EBS direct: reads what SnapshotImport wrote', async () => {
      const path = join(folder, 'boto3.img');
      const { blocks } = await ebs('download', imported, path);
      await expectSameStart(path, image);
      truncateSync(path, readFileSync(image).length);
      return `${blocks} blocks, identical`;
    });
  }
  await section.check('EBS direct: what it writes, our reader reads', async () => {
    const [first, second] = [write(folder, 'first', 7), write(folder, 'second', 7)];
    const one = await ebs('upload', first);
    await expectRead(emulator, one.snapshot, first);
    const two = await ebs('upload', second, one.snapshot);
    await expectRead(emulator, two.snapshot, second);
    const { blocks } = await ebs('changed', one.snapshot, two.snapshot);
    const wanted = Array.from({ length: 14 }, (_, i) => i);
    if (JSON.stringify(blocks) !== JSON.stringify(wanted)) { throw new Error(`changed: ${blocks}`); }
    return `a snapshot and a child of it: ${one.blocks} and ${two.blocks} blocks, identical; ListChangedBlocks agrees`;
  });
}

async function coldsnapOn(
  report: Report, emulator: Emulator, folder: string, image: string | undefined, imported: string | undefined, build: Promise<string> | undefined,
): Promise<void> {
  const section = report.section(`coldsnap ${version('coldsnap')}`, 'emulator');
  let program: string | undefined;
  await section.check('is built', async () => {
    if (!build) { throw new Unavailable('--no-cargo'); }
    program = await build;
  });
  if (program === undefined) { return; }
  const env = environment({ AWS_ENDPOINT_URL: emulator.server.url, AWS_REGION: REGION });
  if (image !== undefined && imported !== undefined) {
    await section.check('downloads what SnapshotImport wrote', async () => {
      const path = join(folder, 'coldsnap.img');
      await output(program!, ['download', '--no-progress', imported, path], { env });
      await expectSameStart(path, image);
      return 'identical';
    });
  }
  await section.check('uploads what our reader reads', async () => {
    const path = write(folder, 'coldsnap', 5);
    const said = await output(program!, ['upload', '--no-progress', '--wait', '--description', 'by coldsnap', path], { env });
    const snapshotId = /snap-[0-9a-f]+/.exec(said)![0];
    await expectRead(emulator, snapshotId, path);
    return `${snapshotId}, identical`;
  });
}

/** What boto3, or without it the emulator, gave back of the import, looked at by those who know disks. */
async function fileSystem(report: Report, emulator: Emulator, folder: string, imported: string): Promise<void> {
  const path = join(folder, 'boto3.img');
  if (!existsSync(path)) {
    writeFileSync(path, Buffer.concat([...emulator.ebs.read(imported)].slice(0, IMAGE_SIZE / BLOCK)));
  }
  const section = report.section('disk and file system tools', 'what was imported');
  await section.check('e2fsck -fn finds no fault in it', async () => {
    const { code, stdout, stderr } = await run(join(await debian('e2fsprogs'), 'e2fsck'), ['-fn', path], { env: environment() });
    if (code !== 0) { throw new Error(`e2fsck ended with ${code}: ${stdout}${stderr}`); }
    return stdout.trim().split('\n').at(-1);
  });
  await section.check('debugfs gives its files back', async () => {
    const bin = await debian('e2fsprogs');
    const copy = join(folder, 'random.copy');
    await output(join(bin, 'debugfs'), ['-R', `dump /random ${copy}`, path], { env: environment() });
    await expectSameStart(copy, join(folder, 'content', 'random'));
    const hello = await output(join(bin, 'debugfs'), ['-R', 'cat /hello', path], { env: environment() });
    if (hello !== 'hello, world\n') { throw new Error(`/hello holds '${hello}'`); }
  });
  await section.check('qemu-img converts it to qcow2, checks that, and finds both identical', async () => {
    const qemu = join(await debian('qemu-utils'), 'qemu-img');
    const qcow2 = join(folder, 'disk.qcow2');
    await output(qemu, ['convert', '-f', 'raw', '-O', 'qcow2', path, qcow2], { env: environment() });
    const checked = await output(qemu, ['check', qcow2], { env: environment() });
    await output(qemu, ['compare', '-f', 'raw', '-F', 'qcow2', path, qcow2], { env: environment() });
    return checked.trim().split('\n')[0];
  });
}

/** In other formats, by the functions that ship. */
async function exportImages(report: Report, emulator: Emulator, folder: string, imagePath: string, imported: string): Promise<void> {
  const section = report.section('the CloudFormation player, qemu-img', 'SnapshotExport');
  const bucket = 'conformance-exports';
  const formats = [['qcow2', ExportFormat.QCOW2, 'qcow2'], ['VHD', ExportFormat.VHD, 'vpc']] as const;
  const made = await section.check('writes qcow2 and VHD', async () => {
    emulator.s3.createBucket(bucket);
    const app = new App({ outdir: join(folder, 'exports.out'), analyticsReporting: false });
    const stack = new Stack(app, 'Exports', { env: { account: ACCOUNT, region: REGION } });
    const snapshot = Snapshot.fromSnapshotId(stack, 'Snapshot', imported);
    for (const [name, format] of formats) {
      new SnapshotExport(stack, name, { snapshot, bucket: s3.Bucket.fromBucketName(stack, `Bucket${name}`, bucket), key: name, format });
    }
    const outcome = await new CloudFormation(emulator).deploy(app.synth().directory, 'Exports');
    if (outcome.status !== 'CREATE_COMPLETE') { throw new Error(`${outcome.status}: ${outcome.reason}`); }
  });
  if (!made) { return; }
  const raw = join(folder, 'exported.raw');
  writeFileSync(raw, readFileSync(imagePath));
  truncateSync(raw, GIB);
  for (const [name, , format] of formats) {
    await section.check(`${name}: qemu-img takes it, and finds the image in it`, async () => {
      const qemu = join(await debian('qemu-utils'), 'qemu-img');
      const path = join(folder, `exported.${name}`);
      const { content } = emulator.s3.object(bucket, name)!;
      writeFileSync(path, '');
      for (let at = 0; at < content.size; at += 64 * MIB) { appendFileSync(path, await content.read(at, Math.min(at + 64 * MIB, content.size))); }
      const { 'virtual-size': size } = JSON.parse(await output(qemu, ['info', '-f', format, '--output', 'json', path], { env: environment() })) as { 'virtual-size': number };
      if (size !== GIB) { throw new Error(`its disk has ${size} bytes`); }
      // It knows no check of VHD.
      const checked = name === 'qcow2' ? await output(qemu, ['check', '-f', format, path], { env: environment() }) : '';
      await output(qemu, ['compare', '-f', 'raw', '-F', format, raw, path], { env: environment() });
      return [`${content.size} bytes`, checked.trim().split('\n')[0]].filter(part => part !== '').join('; ');
    });
  }
}

/** Some blocks of zeros among others, and an end within a block. */
function write(folder: string, seed: string, mebibytes: number): string {
  const path = join(folder, `${seed}.upload`);
  const bytes = Buffer.alloc(mebibytes * MIB);
  for (let at = 0; at < bytes.length; at += 2 * MIB) { bytes.fill(createHash('sha512').update(`${seed} ${at}`).digest(), at, at + MIB); }
  writeFileSync(path, bytes);
  return path;
}

/** Through the same code that verifies imports. */
async function expectRead(emulator: Emulator, snapshotId: string, path: string): Promise<void> {
  emulator.clock.advance(60_000);
  const client = new EBSClient(emulator.config);
  const reader = new BlockReader(client);
  const image = readFileSync(path);
  const zeros = createHash('sha256').update(Buffer.alloc(BLOCK)).digest('hex');
  const digests = new Map<number, string>();
  const never = () => false;
  for (let next: string | undefined; ;) {
    const page = await reader.list(snapshotId, 0, next, never);
    for (const block of page.blocks) { digests.set(block.index, (await reader.digest(snapshotId, block, never)).toString('hex')); }
    next = page.next;
    if (next === undefined) { break; }
  }
  client.destroy();
  for (let index = 0; index * BLOCK < image.length; index++) {
    const block = Buffer.alloc(BLOCK);
    image.copy(block, 0, index * BLOCK);
    const wanted = createHash('sha256').update(block).digest('hex');
    if ((digests.get(index) ?? zeros) !== wanted) { throw new Error(`block ${index} of ${snapshotId} differs`); }
  }
}

/** The disk is the image, then zeros. */
async function expectSameStart(disk: string, image: string): Promise<void> {
  const size = readFileSync(image).length;
  const [a, b] = await Promise.all([sha256(disk, size), sha256(image, size)]);
  if (a !== b) { throw new Error(`${disk} is not ${image}: ${a}, ${b}`); }
}

async function sha256(path: string, length: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { end: length - 1 })) { hash.update(chunk as Buffer); }
  return hash.digest('hex');
}

/** Begins at once, for it takes longest; its failure is told where it counts. */
export function buildColdsnap(): Promise<string> {
  const build = coldsnap();
  build.catch(() => {});
  return build;
}

