import type { Clock } from '../clock';
import { REGION, arn } from '../environment';
import type { DURATIONS } from './options';
import type { FileSystemPolicy } from './policy';

export type State = 'creating' | 'available' | 'updating' | 'deleting' | 'deleted' | 'error';

/** A state that passes into another one when its time is over; nobody needs to look meanwhile. */
export class Phase<S extends string> {
  private due = 0;
  private next: S;

  constructor(private readonly clock: Clock, private now: S) {
    this.next = now;
  }

  public begin(state: S, next: S, milliseconds: number): this {
    this.now = state;
    this.next = next;
    this.due = this.clock.now() + milliseconds;
    return this;
  }

  public settle(state: S): void {
    this.begin(state, state, 0);
  }

  public get state(): S {
    return this.clock.now() >= this.due ? this.next : this.now;
  }
}

/** Tags as one plain object; a key may be anything, `__proto__` too. */
export class Tags {
  private readonly map = new Map<string, string>();

  constructor(tags: Tag[] = []) {
    this.put(tags);
  }

  public get plain(): Record<string, string> {
    return Object.fromEntries(this.map);
  }

  public get list(): Tag[] {
    return [...this.map].map(([Key, Value]) => ({ Key, Value }));
  }

  public get(key: string): string | undefined {
    return this.map.get(key);
  }

  public put(tags: Tag[]): void {
    tags.forEach(({ Key, Value }) => this.map.set(Key, Value));
  }

  public remove(keys: string[]): void {
    keys.forEach(key => this.map.delete(key));
  }
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export type ThroughputMode = 'bursting' | 'provisioned' | 'elastic';
export type PerformanceMode = 'generalPurpose' | 'maxIO';
export type LifecyclePolicy = Record<string, string>;

/** What has an id, an ARN and tags. */
export interface Tagged {
  readonly id: string;
  readonly arn: string;
  readonly tagSet: Tags;
}

export class FileSystem implements Tagged {
  public readonly arn: string;
  public readonly phase: Phase<State>;
  public readonly createdAt: Date;
  public sizeInBytes = 0;
  public sizeMeasuredAt?: Date;
  public provisionedThroughputInMibps?: number;
  /** When the mode last changed, or the provisioned throughput last went down. */
  public throughputChangedAt?: number;
  public ownPolicy?: FileSystemPolicy;
  public backup?: Phase<string>;
  public lifecyclePolicies: LifecyclePolicy[] = [];
  /** Replication overwrite protection; `REPLICATING` as long as it is the destination of a replication. */
  public protection: 'ENABLED' | 'DISABLED' | 'REPLICATING' = 'ENABLED';

  constructor(
    clock: Clock, creating: number,
    public readonly order: number,
    public readonly id: string,
    public readonly creationToken: string,
    public readonly tagSet: Tags,
    public readonly performanceMode: PerformanceMode,
    public throughputMode: ThroughputMode,
    public readonly encrypted: boolean,
    public readonly kmsKeyId: string | undefined,
    public readonly availabilityZoneName: string | undefined,
    public readonly region = REGION,
  ) {
    this.arn = arn('elasticfilesystem', `file-system/${id}`, { region });
    this.createdAt = new Date(clock.now());
    this.phase = new Phase<State>(clock, 'available').begin('creating', 'available', creating);
  }

  public get lifeCycleState(): State {
    return this.phase.state;
  }

  public get tags(): Record<string, string> {
    return this.tagSet.plain;
  }

  /** The policy as it was put. */
  public get policy(): string | undefined {
    return this.ownPolicy?.text;
  }

  /** `ENABLED`, `DISABLED`, or on the way there; undefined if nobody ever said. */
  public get backupPolicy(): string | undefined {
    return this.backup?.state;
  }
}

export class MountTarget {
  public readonly phase: Phase<State>;

  constructor(
    clock: Clock, creating: number,
    public readonly order: number,
    public readonly id: string,
    public readonly fileSystemId: string,
    public readonly subnetId: string,
    public readonly vpcId: string,
    public readonly availabilityZoneName: string,
    public readonly availabilityZoneId: string,
    public readonly networkInterfaceId: string,
    public readonly ipAddress: string | undefined,
    public readonly ipv6Address: string | undefined,
    public securityGroups: string[],
  ) {
    this.phase = new Phase<State>(clock, 'available').begin('creating', 'available', creating);
  }

  public get lifeCycleState(): State {
    return this.phase.state;
  }
}

export class AccessPoint implements Tagged {
  public readonly arn: string;
  public readonly phase: Phase<State>;

  constructor(
    clock: Clock, creating: number,
    public readonly order: number,
    public readonly id: string,
    public readonly clientToken: string,
    public readonly fileSystemId: string,
    public readonly tagSet: Tags,
    public readonly posixUser: Record<string, unknown> | undefined,
    public readonly rootDirectory: Record<string, unknown>,
  ) {
    this.arn = arn('elasticfilesystem', `access-point/${id}`);
    this.phase = new Phase<State>(clock, 'available').begin('creating', 'available', creating);
  }

  public get lifeCycleState(): State {
    return this.phase.state;
  }

  public get tags(): Record<string, string> {
    return this.tagSet.plain;
  }
}

export type ReplicationState = 'ENABLING' | 'ENABLED' | 'DELETING' | 'ERROR' | 'PAUSED' | 'deleted';

/** A replication from one file system of the account to another one. Each file system belongs to one replication at most. */
export class Replication {
  public readonly phase: Phase<ReplicationState>;
  public readonly createdAt: Date;

  constructor(
    clock: Clock, private readonly durations: Pick<typeof DURATIONS, 'replicationEnabling' | 'replicationDeleting'>,
    public readonly order: number,
    public readonly source: FileSystem,
    public readonly destination: FileSystem,
    public readonly roleArn: string | undefined,
  ) {
    this.createdAt = new Date(clock.now());
    this.phase = new Phase<ReplicationState>(clock, 'ENABLED').begin('ENABLING', 'ENABLED', durations.replicationEnabling);
  }

  public delete(): void {
    this.phase.begin('DELETING', 'deleted', this.durations.replicationDeleting);
  }
}
