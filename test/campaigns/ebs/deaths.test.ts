import { CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { BLOCK_SIZE } from '../../../world/emulator/ebs';
import { REGION } from '../../../world/emulator/environment';
import { Principal } from '../../../world/emulator/iam';
import { dieEverywhere, type Death } from '../../harness/deaths';
import { disk, IMAGES, properties } from '../../harness/ebs/disk-images';
import { EbsHandlerWorld, type EbsHandlerWorldOptions } from '../../harness/ebs/ebs-handler-world';
import { MachineStack } from '../../harness/ebs/machine-stack';
import { live, KILLED } from '../../harness/ebs/mortality';

/*
 * The EBS functions die at the requests of a resource's life; nothing may be left over or lost. An ordinary run plays four deaths per test:
 *
 *     DEATHS=10 npx jest test/campaigns/ebs/deaths.test.ts                 a death at every tenth request; DEATHS=1: at every request
 *     DEATH=57 npx jest test/campaigns/ebs/deaths.test.ts -t increments    only the deaths at request 57, of one test
 */

jest.mock('../../../lambda/transfer/http/client', () => {
  const real = jest.requireActual<typeof import('../../../lambda/transfer/http/client')>('../../../lambda/transfer/http/client');
  const { mortalWire } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, Wire: mortalWire(real.Wire) };
});
jest.mock('../../../lambda/shared/client-config', () => {
  const real = jest.requireActual<typeof import('../../../lambda/shared/client-config')>('../../../lambda/shared/client-config');
  const { mortal } = jest.requireActual<typeof import('../../harness/ebs/mortality')>('../../harness/ebs/mortality');
  return { ...real, clientConfig: mortal(real.clientConfig) };
});

/** The longest time that a timer of Node can wait. The number of deaths limits these tests; a time would fail them on a busy machine. */
const NO_TIME_LIMIT = 2 ** 31 - 1;

interface Scene {
  readonly options?: EbsHandlerWorldOptions;
  /** What is there before. */
  given(world: EbsHandlerWorld): Promise<void>;
  /** The life of the resources. */
  play(world: EbsHandlerWorld, death: Death): Promise<void>;
  /** When all is over. */
  left(world: EbsHandlerWorld): unknown;
}

async function perform(scene: Scene, death: Death): Promise<void> {
  const world: EbsHandlerWorld = await EbsHandlerWorld.start({
    tick: 1_000,
    rule: death.at % 2 === 0,
    ...scene.options,
    around: (name, work) => {
      const run = () => live(world, work, death.fate(name));
      // Lambda's asynchronous invocations.
      return name === 'ended' ? run().catch(error => { if (error === KILLED) { return run(); } throw error; }) : run();
    },
  });
  try {
    Object.assign(world, { handlers: death.survived(world.handlers) });
    await scene.given(world);
    const before = scene.left(world);
    death.armed = true;
    await scene.play(world, death);
    // Whoever still works.
    await world.clock.sleep(900_000);
    expect(scene.left(world)).toEqual(before);
  } finally {
    await world.close();
  }
}

const blocks = (seeds: Record<number, string>): Record<number, Buffer> => Object.fromEntries(
  Object.entries(seeds).map(([index, seed]) => [index, Buffer.alloc(BLOCK_SIZE, seed)]));

const EXPORTS = 'exports';
const OTHER = new Principal('arn:aws:sts::111122223333:assumed-role/other/other', () => [{ Effect: 'Allow', Action: '*', Resource: '*' }]);
const bucket = (world: EbsHandlerWorld) => world.s3.buckets.get(EXPORTS)!;
/** Without those of an export that have no parts: their ids were lost with the function that had begun them. */
const uploads = (world: EbsHandlerWorld) => [...bucket(world).uploads.values()]
  .filter(({ parts, initiator }) => parts.size > 0 || initiator === OTHER.arn).map(({ id }) => id);
const objects = (world: EbsHandlerWorld) => bucket(world).versions().map(({ key, versionId }) => `${key} ${versionId}`).sort();

function exporting(versioned: boolean, delta: boolean): Scene {
  let snapshots: string[];
  return {
    options: { smallExport: { partBlocks: 10, rangeParts: 2, blocks: 12 }, ebs: { startWindow: 0 } },
    async given(world) {
      world.s3.createBucket(EXPORTS, { versioned });
      const first = await world.givenSnapshot(blocks({ 0: 'a', 3: 'b', 11: 'c' }));
      snapshots = [first, await world.givenSnapshot(blocks({ 3: 'd' }), { ParentSnapshotId: first })];
      for (const key of ['disk', 'disk1', 'disk1.img.', 'disk.img.manifest.old']) { await world.s3.put(EXPORTS, key, Buffer.from('foreign')); }
      // Of somebody else, to the same key.
      const credentials = world.server.issue(OTHER);
      const s3 = new S3Client({ endpoint: world.server.url, region: REGION, credentials, forcePathStyle: true });
      await s3.send(new CreateMultipartUploadCommand({ Bucket: EXPORTS, Key: 'disk1.img' }));
    },
    async play(world, death) {
      const wanted = (SnapshotId: string, Key: string) => ({
        SnapshotId, Bucket: EXPORTS, Key, Owner: 'Stack/Export', RemovalPolicy: 'Delete', ...delta && { SinceSnapshotId: snapshots[0] },
      });
      const stack = world.exports();
      if (await death.fails(() => stack.deploy(wanted(snapshots[1], 'disk1.img')))) { return; }
      const [whole] = objects(world).filter(name => name.startsWith('disk1.img '));
      expect(whole).toBeDefined();
      await death.takenBack(() => stack.deploy(wanted(snapshots[1], 'disk3.img'), { failAfter: true }));
      expect(objects(world)).toContain(whole);
      expect(objects(world).filter(name => name.startsWith('disk3.img'))).toEqual([]);
      if (await death.fails(() => stack.deploy(wanted(snapshots[1], 'disk2.img')))) {
        expect(objects(world)).toContain(whole);
      } else {
        expect(objects(world).filter(name => /^disk1.img(.manifest)? /.test(name))).toEqual([]);
        expect(objects(world).filter(name => /^disk2.img /.test(name))).toHaveLength(1);
      }
      await stack.destroy();
    },
    left: world => ({
      objects: objects(world), uploads: uploads(world), snapshots: world.snapshotIds, transfers: world.transferObjects,
    }),
  };
}

const importing: Scene = {
  options: { rangeBlocks: 2, ebs: { startWindow: 0 } },
  async given(world) {
    await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
    await world.s3.put(IMAGES, 'next.img', disk(4 * BLOCK_SIZE, 'next'));
  },
  async play(world, death) {
    const stack = world.stack();
    if (await death.fails(() => stack.deploy(properties({ SharedWith: ['444455556666'] })))) { return; }
    const first = stack.physicalId!;
    const next = properties({ SourceKey: 'next.img', Verify: 'SAMPLE' });
    await death.takenBack(() => stack.deploy(next, { failAfter: true }));
    expect(world.snapshotIds).toEqual([first]);
    await death.fails(() => stack.deploy(next));
    expect(world.snapshotIds).toEqual([stack.physicalId]);
    await stack.destroy();
  },
  left: world => ({ snapshots: world.snapshotIds, transfers: world.transferObjects }),
};

let parent: string;
const onTop: Scene = {
  options: { rangeBlocks: 2, ebs: { startWindow: 0 } },
  async given(world) {
    await world.s3.put(IMAGES, 'disk.img', disk(3 * BLOCK_SIZE));
    parent = await world.givenSnapshot(blocks({ 0: 'a', 1: 'b', 4: 'c' }));
  },
  async play(world, death) {
    const stack = world.stack();
    if (await death.fails(() => stack.deploy(properties({ ParentSnapshotId: parent })))) { return; }
    world.expectContent(stack.physicalId!, disk(3 * BLOCK_SIZE));
    await stack.destroy();
  },
  left: importing.left,
};

const registering: Scene = {
  async given(world) {
    world.ec2.images.pendingTime = 10_000;
  },
  async play(world, death) {
    const stack = new MachineStack(world);
    const all = () => ({ images: world.ec2.images.all.map(({ imageId }) => imageId).sort(), snapshots: [...world.snapshotIds].sort() });
    const there = (...made: { imageId: string; snapshotId: string }[]) => expect(all()).toEqual({
      images: made.map(({ imageId }) => imageId).sort(), snapshots: made.map(({ snapshotId }) => snapshotId).sort(),
    });
    const made: { imageId: string; snapshotId: string }[] = [];
    const machine = { RetainPrevious: 1, LaunchPermissions: [{ UserId: '444455556666' }], Description: 'x' };
    for (let revision = 1; revision <= 4; revision++) {
      const fail = revision === 3;
      const deploy = async () => { made.push(await stack.deploy({ revision: `${revision}`, machine, fail, disk: { SharedWith: ['444455556666'] } })); };
      if (fail) { await death.takenBack(deploy); } else if (await death.fails(deploy) && revision === 1) { return; }
      there(...made.slice(-2));
    }
    await stack.destroy();
  },
  left: world => ({ images: world.ec2.images.all.map(({ imageId }) => imageId), snapshots: world.snapshotIds, transfers: world.transferObjects }),
};

test.each<[string, Scene]>([
  ['exports', exporting(false, false)],
  ['increments', importing],
  ['machine images and what they keep', registering],
  // These resemble the others, so an ordinary run leaves them out.
  ...(process.env.DEATHS ?? process.env.DEATH) === undefined ? [] : [
    ['exports into a bucket with versions', exporting(true, false)],
    ['deltas', exporting(false, true)],
    ['imports with a named parent', onTop],
  ] as [string, Scene][],
])('whichever request a function dies at, nothing of %s is left or lost', (_, scene) => dieEverywhere(death => perform(scene, death)), NO_TIME_LIMIT);
