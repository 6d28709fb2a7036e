import type { Policy, Program, StackName, Step, Wish } from './program';
import type { Stack } from '../../../../world/cloudformation/stack';
import { BLOCK_SIZE } from '../../../../world/emulator/ebs';
import { disk, IMAGES, properties } from '../../../harness/ebs/disk-images';
import type { EbsHandlerWorld } from '../../../harness/ebs/ebs-handler-world';
import { machineProperties } from '../../../harness/ebs/machine-stack';
import { HandledStacks } from '../../../harness/handled-stacks';

type Deploy = Extract<Step, { kind: 'deploy' }>;

const EXPORTS = 'exports';
const FOREIGN = 'foreign.img';
/** EC2 lists late; executions and their clean-up end late. */
const QUIET_MILLISECONDS = 900_000;

const image = (name: string) => disk(3 * BLOCK_SIZE, name);

interface Held {
  readonly policy: Policy;
  readonly wish: Wish;
}

/** An account with a snapshot, an AMI and an object of somebody else, and the stacks of a program. */
export class Account {
  private readonly stacks: HandledStacks;
  private given!: string;
  private foreign!: ReadonlySet<string>;
  /** Things that were deployed with a policy that retains, and have left their stack. */
  private readonly retained = new Set<string>();
  /** Things to which a failed deployment has gone back. */
  private readonly returned = new Set<string>();
  /** Things that no rollback was asked to delete, because of their policy. */
  private readonly skipped = new Set<string>();
  /** The logical id with which a thing was last deployed. */
  private readonly ids = new Map<string, string>();
  private readonly wishes = new Map<StackName, Deploy['wishes']>();
  private readonly held = new Map<StackName, ReadonlyMap<string, Held>>();

  constructor(private readonly world: EbsHandlerWorld, private readonly program: Program) {
    this.stacks = new HandledStacks(world);
  }

  public async play(): Promise<void> {
    await this.begin();
    for (const step of this.program.steps) {
      await (step.kind === 'deploy' ? this.deploy(step) : this.destroy(this.stacks.present(step.stack)));
      await this.check();
    }
    for (const stack of this.stacks.all) { await this.destroy(stack); }
    await this.check();
    this.expectNoRecordsOfOthers();
  }

  private async begin(): Promise<void> {
    const { world } = this;
    world.s3.createBucket(EXPORTS);
    for (const name of ['one', 'two']) { await world.s3.put(IMAGES, `${name}.img`, image(name)); }
    this.given = await world.givenSnapshot({ 0: Buffer.alloc(BLOCK_SIZE, 'given') });
    const ami = world.givenImage('foreign', this.given);
    await world.s3.put(EXPORTS, FOREIGN, Buffer.from('foreign'));
    this.foreign = new Set([this.given, ami]);
  }

  private async deploy(step: Deploy): Promise<void> {
    const before = this.held.get(step.stack) ?? new Map<string, Held>();
    const resources = Object.fromEntries(Object.entries(step.wishes).map(([id, wish]) => [id, this.resource(step, id, wish)]));
    const deployed = await this.stacks.deploy(step.stack, resources, step, this.mayBeRefused(step));
    if (!deployed) { return; }
    const { stack, isComplete } = deployed;
    if (step.statuses === 'denied') {
      // Without a direction, a handler leaves things that CloudFormation may have retained, and things to which the resource has gone back.
      for (const [thing, { policy }] of before) { if (policy === 'Retain' || this.returned.has(thing)) { this.skipped.add(thing); } }
    }
    if (isComplete) { return this.accept(stack, step.wishes, before); }
    for (const { status, physicalId } of stack.events) {
      if (status === 'DELETE_SKIPPED' && physicalId) { this.skipped.add(physicalId); }
    }
    for (const thing of before.keys()) { this.returned.add(thing); }
    if (step.statuses !== 'denied') {
      expect(this.thingsOf(stack)).toEqual([...before.keys()].sort());
    } else if (stack.resources.size > 0) {
      // Without a direction, an import whose source is not pinned starts again.
      this.accept(stack, this.wishes.get(step.stack)!, before);
    }
  }

  private async destroy(stack: Stack | undefined): Promise<void> {
    if (!stack || stack.status === 'DELETE_COMPLETE') { return; }
    const before = this.held.get(stack.name as StackName)!;
    await this.stacks.delete(stack);
    expect(stack.status).toBe('DELETE_COMPLETE');
    for (const [thing, { policy }] of before) { if (policy === 'Retain') { this.retained.add(thing); } }
    this.held.delete(stack.name as StackName);
  }

  private accept(stack: Stack, wishes: Deploy['wishes'], before: ReadonlyMap<string, Held>): void {
    const now = new Map([...stack.resources.values()].map(({ logicalId, physicalId }) =>
      [physicalId!, { policy: wishes[logicalId].policy, wish: wishes[logicalId] }]));
    // A replacement goes by the new policy, a removal by the old one.
    for (const [thing, { policy }] of before) {
      if (!now.has(thing) && (wishes[this.ids.get(thing)!]?.policy ?? policy) === 'Retain') { this.retained.add(thing); }
    }
    for (const thing of now.keys()) {
      this.retained.delete(thing);
      this.skipped.delete(thing);
    }
    for (const { logicalId, physicalId } of stack.resources.values()) { this.ids.set(physicalId!, logicalId); }
    this.held.set(stack.name as StackName, now);
    this.wishes.set(stack.name as StackName, wishes);
  }

  /** Compares the account with the templates. */
  private async check(): Promise<void> {
    const { world } = this;
    await world.clock.sleep(QUIET_MILLISECONDS);
    const held = new Map([...this.held.values()].flatMap(things => [...things]));
    const wanted = new Set([...this.foreign, ...held.keys(), ...this.retained]);
    const there = this.there();
    expect({ missing: [...wanted].filter(thing => !there.has(thing)) }).toEqual({ missing: [] });
    const needed = world.ec2.images.all.filter(({ imageId }) => wanted.has(imageId) || this.skipped.has(imageId))
      .flatMap(({ mappings }) => mappings.map(mapping => mapping.snapshotId));
    const known = new Set([...wanted, ...this.skipped, ...needed]);
    expect({ leaked: [...there].filter(thing => !known.has(thing)) }).toEqual({ leaked: [] });
    expect(this.objects()).toHaveLength(1 + [...there].filter(thing => thing.startsWith('export-')).length);
    for (const [thing, { wish }] of held) { await this.checkContent(thing, wish); }
  }

  private async checkContent(thing: string, wish: Wish): Promise<void> {
    const { world } = this;
    switch (wish.kind) {
      case 'disk': return world.expectContent(thing, image(wish.image));
      case 'machine': {
        const { mappings: [{ snapshotId }] } = world.ec2.images.all.find(({ imageId }) => imageId === thing)!;
        const snapshots = new Set([...this.held.values()].flatMap(things => [...things]).filter(([, each]) => each.wish.kind === 'disk').map(([id]) => id));
        if (wish.of === 'given') { expect(snapshotId).toBe(this.given); } else { expect(snapshots).toContain(snapshotId); }
        return;
      }
      case 'export': {
        const found = Buffer.alloc(BLOCK_SIZE);
        (await world.s3.object(EXPORTS, `${wish.key}.img`)!.content.read(0, BLOCK_SIZE)).copy(found);
        expect(found.equals(Buffer.alloc(BLOCK_SIZE, 'given'))).toBe(true);
      }
    }
  }

  /** The keys of exported objects, and the one of somebody else. */
  private objects(): string[] {
    return this.world.s3.buckets.get(EXPORTS)!.versions().map(({ key }) => key).filter(key => key.endsWith('.img'));
  }

  /** Records in the bucket of transfers are of things that are there. */
  private expectNoRecordsOfOthers(): void {
    const there = [...this.there()];
    const strays = this.world.transferObjects.filter(key => !there.some(thing => key.includes(thing)));
    expect({ strays }).toEqual({ strays: [] });
  }

  private there(): Set<string> {
    const { ec2 } = this.world;
    return new Set([
      ...ec2.snapshots.all.map(({ snapshotId }) => snapshotId),
      ...ec2.images.all.map(({ imageId }) => imageId),
      ...this.world.transferObjects.flatMap(key => /^transfers\/(export-[0-9a-f]+)\/record.json$/.exec(key)?.[1] ?? []),
    ]);
  }

  /** A template may be refused if an object is at the key of an export already. */
  private mayBeRefused({ wishes, statuses }: Deploy): boolean {
    if (statuses === 'denied') { return true; }
    const keys = Object.values(wishes).flatMap(wish => wish.kind === 'export' ? [`${wish.key}.img`] : []);
    if (new Set(keys).size < keys.length) { return true; }
    return keys.some(key => this.objects().includes(key));
  }

  private thingsOf(stack: Stack): string[] {
    return [...stack.resources.values()].map(({ physicalId }) => physicalId!).sort();
  }

  private resource({ stack, wishes }: Deploy, id: string, wish: Wish) {
    const owned = { Owner: `${stack}/${id}`, RemovalPolicy: wish.policy };
    const policies = { DeletionPolicy: wish.policy, UpdateReplacePolicy: wish.policy };
    switch (wish.kind) {
      case 'disk': {
        const etag = this.world.s3.object(IMAGES, `${wish.image}.img`)!.etag;
        const pin = wish.pinned ? { SourceETag: `"${etag}"` } : {};
        return { Type: 'Custom::SnapshotImport', ...policies, Properties: properties({ SourceKey: `${wish.image}.img`, ...pin, ...owned }) };
      }
      case 'machine': {
        const Ref = Object.keys(wishes).find(each => each.startsWith('Disk'));
        const snapshot = wish.of === 'disk' ? { Ref } as unknown as string : this.given;
        return { Type: 'Custom::MachineImage', ...policies, Properties: machineProperties(snapshot, { Description: wish.name, ...owned }) };
      }
      case 'export': {
        return { Type: 'Custom::SnapshotExport', ...policies, Properties: { SnapshotId: this.given, Bucket: EXPORTS, Key: `${wish.key}.img`, ...owned } };
      }
    }
  }
}
