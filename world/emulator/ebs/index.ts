import { createHash } from 'crypto';
import type { Clock } from '../clock';
import { snapshotArn, tagContext, type Ec2, type Keys, type Snapshot } from '../ec2';
import type { Context } from '../iam';
import { RestJsonModel } from '../rest-json';
import { ServiceError, type Answer, type Call, type Service } from '../service';
import { BLOCK_SIZE, BlockStore, Content } from './content';
import { chooseKey, useKey } from './encryption';
import { invalid, snapshotNotFound } from './errors';
import { atLeast100Results, readTags, refuseUnfitSignature } from './input';
import { DEFAULTS, type EbsOptions, type SnapshotView } from './options';
import { merged, page } from './pages';
import { QUOTAS, Quotas, type Quota } from './quotas';
import { Tokens } from './tokens';

export { BLOCK_SIZE } from './content';
export type { EbsOptions, SnapshotView } from './options';
export { QUOTAS, type Quota } from './quotas';

type Input = Record<string, any>;

/** The EBS direct APIs, as strict as the real ones: see `reference/ebs-direct-api.md`. */
export class EbsDirect implements Service {
  public readonly signingName = 'ebs';
  private readonly model = RestJsonModel.load('ebs-2019-11-02');
  private readonly options: EbsOptions & typeof DEFAULTS;
  private readonly quotas: Quotas;
  private readonly store: BlockStore;
  private readonly tokens: Tokens;
  /** Gone with the snapshot, unless a child still needs it. */
  private readonly contents = new WeakMap<Snapshot, Content>();
  /** Never forgotten, not even with the snapshot. */
  private readonly started = new Map<string, { readonly request: string; readonly output: Record<string, unknown> }>();
  private puts = 0;

  private readonly handlers: Record<string, (call: Call) => Record<string, unknown>> = {
    StartSnapshot: call => this.startSnapshot(call),
    PutSnapshotBlock: call => this.putSnapshotBlock(call),
    CompleteSnapshot: call => this.completeSnapshot(call),
    ListSnapshotBlocks: call => this.listSnapshotBlocks(call),
    ListChangedBlocks: call => this.listChangedBlocks(call),
    GetSnapshotBlock: call => this.getSnapshotBlock(call),
  };

  constructor(private readonly clock: Clock, private readonly ec2: Ec2, private readonly kms: Keys, options: EbsOptions = {}) {
    this.options = { ...DEFAULTS, ...options };
    const rates = Object.entries({ ...QUOTAS, ...this.options.quotas }).map(([quota, rate]) => [quota, rate * this.options.quotaFactor]);
    this.quotas = new Quotas(clock, Object.fromEntries(rates) as Record<Quota, number>, options.quotaSeconds);
    this.store = new BlockStore(this.options.keepData);
    this.tokens = new Tokens(clock);
    // Nothing says what becomes of a pending snapshot whose parent is deleted: the worst, so that nobody counts on it.
    ec2.snapshots.onRemoved(removed => ec2.snapshots.all.filter(({ state }) => state === 'pending').forEach(child => {
      const content = this.contents.get(child);
      if (content?.parent?.snapshotId === removed) { content.fail('The parent snapshot was deleted'); }
    }));
  }

  /** Successful calls of PutSnapshotBlock, on whatever snapshot. */
  public get putCount(): number { return this.puts; }

  /** Undefined once the snapshot is deleted. */
  public snapshot(snapshotId: string): SnapshotView | undefined {
    const snapshot = this.ec2.snapshots.find(snapshotId);
    const content = snapshot && this.contents.get(snapshot);
    if (!content) { return undefined; }
    return {
      snapshotId,
      ...snapshot.status,
      parentSnapshotId: content.parent?.snapshotId,
      volumeSize: snapshot.volumeSize,
      kmsKeyId: snapshot.kmsKeyId,
      tags: Object.fromEntries(snapshot.tags),
      putCount: content.puts,
      writtenIndexes: [...content.written.keys()].sort((a, b) => a - b),
      presentIndexes: content.isSealed ? content.indexes() : [],
    };
  }

  /** Block by block, what a volume made of the snapshot would hold. Blocks are not copied: do not change them. */
  public *read(snapshotId: string): Generator<Buffer, void> {
    const content = this.content(snapshotId);
    for (let index = 0; index < content.blockCount; index++) { yield content.read(index); }
  }

  /** What a volume made of the snapshot would hold at an index. */
  public blockAt(snapshotId: string, index: number): Buffer {
    return this.content(snapshotId).read(index);
  }

  /** The SHA-256, in hex, of the volume's first bytes, or of all of them. */
  public sha256(snapshotId: string, length = Infinity): string {
    const hash = createHash('sha256');
    let left = length;
    for (const block of this.read(snapshotId)) {
      if (left <= 0) { break; }
      hash.update(left < BLOCK_SIZE ? block.subarray(0, left) : block);
      left -= BLOCK_SIZE;
    }
    return hash.digest('hex');
  }

  /** Writes a block to all of a completed snapshot that has none there, as a volume of terabytes has it that is full. */
  public fill(snapshotId: string, data: Buffer): void {
    this.content(snapshotId).filler = this.store.keep(data, createHash('sha256').update(data).digest());
  }

  /** Lets a snapshot end in state `error`, as the service does for reasons of its own. */
  public fail(snapshotId: string, message = 'Internal error'): void {
    this.content(snapshotId).fail(message);
  }

  public operation(call: Call): string {
    return this.model.operation(call);
  }

  public async handle(call: Call): Promise<Answer> {
    const operation = this.operation(call);
    const handler = this.handlers[operation];
    if (!handler) { throw new ServiceError('UnknownOperationException', 404, `there is no operation for ${call.method} ${call.path}`); }
    const { listingTime } = this.options;
    if (listingTime !== undefined && operation === 'ListChangedBlocks') { await call.work(listingTime); }
    return this.model.answer(operation, handler(call));
  }

  public refuse(error: ServiceError): Answer {
    return this.model.refuse(error);
  }

  private startSnapshot(call: Call): Record<string, unknown> {
    this.quotas.takeCall('startSnapshot');
    const input = this.model.input(call);
    const parent = input.ParentSnapshotId === undefined ? undefined : this.find(input.ParentSnapshotId as string);
    const tags = readTags(input.Tags);
    this.authorizeStart(call, input, parent?.snapshot, tags);

    const { ClientToken: token, ...parameters } = input;
    const request = JSON.stringify(Object.entries(parameters).sort(([a], [b]) => a < b ? -1 : 1));
    const earlier = token === undefined ? undefined : this.started.get(token as string);
    if (earlier) {
      if (earlier.request === request) { return earlier.output; }
      throw new ServiceError('ConflictException', 409, 'The client token was used before, with other parameters');
    }

    const kmsKeyId = this.checkStart(input, parent?.snapshot);
    useKey(call, kmsKeyId, parent ? 'startFromParent' : 'start', this.kms, this.ec2);
    const output = this.start(input, tags, kmsKeyId, parent?.content);
    if (token !== undefined) { this.started.set(token as string, { request, output }); }
    return output;
  }

  private authorizeStart(call: Call, input: Input, parent: Snapshot | undefined, tags: Record<string, string>): void {
    const context: Context = {
      ...tagContext('Request', tags),
      'ebs:VolumeSize': String(input.VolumeSize),
      'ebs:Description': input.Description as string | undefined,
      'ebs:ParentSnapshot': parent?.arn,
    };
    call.authorize('ebs:StartSnapshot', snapshotArn('*'), context);
    if (parent) { call.authorize('ebs:StartSnapshot', parent.arn, { ...context, ...tagContext('Resource', parent.tags) }); }
    if (Object.keys(tags).length > 0) {
      call.authorize('ec2:CreateTags', snapshotArn('*'), { ...tagContext('Request', tags), 'ec2:CreateAction': this.options.createAction });
    }
  }

  /** The key of the new snapshot, if the request is in order. */
  private checkStart(input: Input, parent: Snapshot | undefined): string | undefined {
    if (input.VolumeSize > 65_536) { throw invalid('INVALID_VOLUME_SIZE', 'The volume size must be between 1 and 65536 GiB'); }
    if (parent && parent.state !== 'completed') {
      throw invalid('INVALID_SNAPSHOT_ID', `The parent snapshot ${parent.snapshotId} is not completed: it is ${parent.state}`);
    }
    if (parent && input.VolumeSize < parent.volumeSize) {
      throw invalid('INVALID_VOLUME_SIZE', `The volume size must not be smaller than that of the parent, ${parent.volumeSize} GiB`);
    }
    const kmsKeyId = chooseKey(input, parent, this.ec2);
    const { all } = this.ec2.snapshots;
    if (all.length >= this.quotas.limit('snapshots')) {
      throw new ServiceError('ServiceQuotaExceededException', 402, 'The quota of snapshots is reached',
        { Reason: 'DEPENDENCY_SERVICE_QUOTA_EXCEEDED' });
    }
    if (all.filter(snapshot => snapshot.state === 'pending').length >= this.quotas.limit('pendingSnapshots')) {
      throw new ServiceError('ConcurrentLimitExceededException', 400, 'The quota of pending snapshots is reached');
    }
    return kmsKeyId;
  }

  private start(input: Input, tags: Record<string, string>, kmsKeyId: string | undefined, parent: Content | undefined): Record<string, unknown> {
    const now = this.clock.now();
    const volumeSize = input.VolumeSize as number;
    const snapshot = this.ec2.snapshots.add({
      volumeSize,
      startTime: now,
      description: input.Description as string | undefined,
      tags,
      kmsKeyId,
      status: () => content.status(this.clock.now()),
    });
    const timeout = (input.Timeout as number | undefined ?? 60) * 60_000;
    const content = new Content(snapshot.snapshotId, now, volumeSize, kmsKeyId !== undefined, parent, timeout);
    this.contents.set(snapshot, content);
    return {
      SnapshotId: snapshot.snapshotId,
      OwnerId: snapshot.ownerId,
      Status: 'pending',
      StartTime: new Date(now),
      VolumeSize: volumeSize,
      BlockSize: BLOCK_SIZE,
      Description: input.Description as unknown,
      Tags: input.Tags as unknown,
      ParentSnapshotId: parent?.snapshotId,
      KmsKeyArn: kmsKeyId,
    };
  }

  private putSnapshotBlock(call: Call): Record<string, unknown> {
    refuseUnfitSignature(call);
    this.quotas.takeBlock('putPerAccount');
    const input = this.model.input(call);
    const { snapshot, content } = this.findStarted(input.SnapshotId as string);
    call.authorize('ebs:PutSnapshotBlock', snapshot.arn, tagContext('Resource', snapshot.tags));
    this.quotas.takeBlock('putPerSnapshot', snapshot);
    if (content.isSealed) { throw invalid('INVALID_SNAPSHOT_ID', `The snapshot ${snapshot.snapshotId} is already completed`); }
    if (snapshot.state === 'error') { throw snapshotNotFound(snapshot.snapshotId); }

    const index = input.BlockIndex as number;
    const data = input.BlockData as Buffer;
    if (input.DataLength !== BLOCK_SIZE) {
      throw invalid('INVALID_BLOCK', `Block data length ${input.DataLength} is not valid, expected ${BLOCK_SIZE}`);
    }
    if (index >= content.blockCount) { throw invalid('INVALID_BLOCK', `Block index ${index} is beyond the volume of ${content.volumeSize} GiB`); }
    if (data.length !== BLOCK_SIZE) { throw invalid('INVALID_PARAMETER_VALUE', 'Failed to read block data'); }
    const digest = this.options.trustChecksums ? Buffer.from(input.Checksum as string, 'base64') : createHash('sha256').update(data).digest();
    if (digest.toString('base64') !== input.Checksum) {
      throw new ServiceError('InvalidSignatureException', 403,
        `The value passed in as x-amz-Checksum does not match the computed checksum. Computed checksum: ${digest.toString('base64')}`);
    }
    useKey(call, snapshot.kmsKeyId, 'put', this.kms, this.ec2);

    content.write(index, this.store.keep(data, digest), this.clock.now());
    content.progress = input.Progress as number | undefined ?? content.progress;
    this.puts++;
    return { Checksum: input.Checksum as string, ChecksumAlgorithm: 'SHA256' };
  }

  private completeSnapshot(call: Call): Record<string, unknown> {
    this.quotas.takeCall('completeSnapshot');
    const input = this.model.input(call);
    const { snapshot, content } = this.findStarted(input.SnapshotId as string);
    call.authorize('ebs:CompleteSnapshot', snapshot.arn, tagContext('Resource', snapshot.tags));
    if (content.isSealed) {
      if (this.options.completeAgain === 'answered') { return { Status: snapshot.state }; }
      throw invalid('INVALID_SNAPSHOT_ID', `The snapshot ${snapshot.snapshotId} is already completed`);
    }
    if (snapshot.state === 'error') { throw snapshotNotFound(snapshot.snapshotId); }
    const checksum = [input.Checksum, input.ChecksumAlgorithm, input.ChecksumAggregationMethod] as unknown[];
    if (checksum.includes(undefined) && checksum.some(member => member !== undefined)) {
      throw invalid('INVALID_PARAMETER_VALUE', 'Checksum, ChecksumAlgorithm and ChecksumAggregationMethod go together');
    }

    // What is wrong shows only later, in the snapshot's state.
    let defect: string | undefined;
    if (input.ChangedBlocksCount !== content.written.size) { defect = 'Changed blocks count mismatch for snapshot'; }
    if (input.Checksum !== undefined && input.Checksum !== content.linearChecksum()) { defect = 'Checksum mismatch for snapshot'; }
    const completesAt = this.clock.now() + this.options.completionDelay;
    content.complete({ completesAt, readableAt: completesAt + this.options.readDelay, defect });
    return { Status: 'pending' };
  }

  private listSnapshotBlocks(call: Call): Record<string, unknown> {
    this.quotas.takeCall('listSnapshotBlocks');
    const input = this.model.input(atLeast100Results(call));
    const { snapshot, content } = this.findReadable(input.SnapshotId as string);
    call.authorize('ebs:ListSnapshotBlocks', snapshot.arn, tagContext('Resource', snapshot.tags));
    useKey(call, snapshot.kmsKeyId, 'list', this.kms, this.ec2);

    const nonce = Tokens.nonce();
    const { indexes, nextToken } = this.options.emptyPages && input.NextToken === undefined
      ? { indexes: [], nextToken: this.tokens.page(snapshot.snapshotId, input.StartingBlockIndex as number | undefined ?? 0, nonce) }
      : page(this.tokens, snapshot.snapshotId, (from, count) => content.indexesFrom(from, count), input, nonce);
    return {
      Blocks: indexes.map(index => ({ BlockIndex: index, BlockToken: this.tokens.block(snapshot.snapshotId, index, nonce) })),
      ExpiryTime: new Date(this.tokens.blockExpiry()),
      VolumeSize: snapshot.volumeSize,
      BlockSize: BLOCK_SIZE,
      NextToken: nextToken,
    };
  }

  private listChangedBlocks(call: Call): Record<string, unknown> {
    this.quotas.takeCall('listChangedBlocks');
    const input = this.model.input(atLeast100Results(call));
    if (input.FirstSnapshotId === undefined) { throw invalid('INVALID_SNAPSHOT_ID', 'The first snapshot must be named'); }
    const first = this.findReadable(input.FirstSnapshotId as string);
    const second = this.findReadable(input.SecondSnapshotId as string);
    for (const { snapshot } of [first, second]) {
      call.authorize('ebs:ListChangedBlocks', snapshot.arn, tagContext('Resource', snapshot.tags));
      useKey(call, snapshot.kmsKeyId, 'list', this.kms, this.ec2);
    }
    if (first.content.root !== second.content.root) { throw invalid('UNRELATED_SNAPSHOTS', 'The snapshots are not of the same lineage'); }

    // A page is a window of the blocks that either has, so that it can be empty and yet not the last.
    const candidates = (from: number, count: number) =>
      merged(first.content.indexesFrom(from, count), second.content.indexesFrom(from, count), count);
    const nonce = Tokens.nonce();
    const list = `${first.snapshot.snapshotId} ${second.snapshot.snapshotId}`;
    const { indexes, nextToken } = this.options.emptyPages && input.NextToken === undefined
      ? { indexes: [], nextToken: this.tokens.page(list, input.StartingBlockIndex as number | undefined ?? 0, nonce) }
      : page(this.tokens, list, candidates, input, nonce);
    const blocks = indexes.flatMap(index => {
      const [before, after] = [first.content.find(index), second.content.find(index)];
      if (before && after && before.writer === after.writer) { return []; }
      return [{
        BlockIndex: index,
        FirstBlockToken: before && this.tokens.block(first.snapshot.snapshotId, index, nonce),
        SecondBlockToken: after && this.tokens.block(second.snapshot.snapshotId, index, nonce),
      }];
    });
    return {
      ChangedBlocks: blocks,
      ExpiryTime: new Date(this.tokens.blockExpiry()),
      VolumeSize: second.snapshot.volumeSize,
      BlockSize: BLOCK_SIZE,
      NextToken: nextToken,
    };
  }

  private getSnapshotBlock(call: Call): Record<string, unknown> {
    this.quotas.takeBlock('getPerAccount');
    const input = this.model.input(call);
    const { snapshot, content } = this.findReadable(input.SnapshotId as string);
    call.authorize('ebs:GetSnapshotBlock', snapshot.arn, tagContext('Resource', snapshot.tags));
    this.quotas.takeBlock('getPerSnapshot', snapshot);
    this.tokens.checkBlock(input.BlockToken as string, snapshot.snapshotId, input.BlockIndex as number);
    useKey(call, snapshot.kmsKeyId, 'get', this.kms, this.ec2);
    const { block } = content.find(input.BlockIndex as number)!;
    return {
      BlockData: content.read(input.BlockIndex as number),
      DataLength: BLOCK_SIZE,
      Checksum: block.digest.toString('base64'),
      ChecksumAlgorithm: 'SHA256',
    };
  }

  private find(snapshotId: string): { readonly snapshot: Snapshot; readonly content: Content } {
    const snapshot = this.ec2.snapshots.find(snapshotId);
    const content = snapshot && this.contents.get(snapshot);
    if (!content) { throw snapshotNotFound(snapshotId); }
    return { snapshot, content };
  }

  /** Some servers hear of a new snapshot later than others. */
  private findStarted(snapshotId: string) {
    const found = this.find(snapshotId);
    const { startWindow, startMisses, seed } = this.options;
    if (this.clock.now() < found.content.startedAt + startWindow) {
      const chance = (found.content.earlyCalls++ * 0.618034 + seed * 0.754878) % 1;
      if (chance < startMisses) { throw snapshotNotFound(snapshotId); }
    }
    return found;
  }

  /** To those who read, a snapshot exists only some time after it is completed. */
  private findReadable(snapshotId: string) {
    const found = this.find(snapshotId);
    if (!found.content.isReadable(this.clock.now())) { throw snapshotNotFound(snapshotId); }
    return found;
  }

  private content(snapshotId: string): Content {
    return this.find(snapshotId).content;
  }
}
