import type { Clock } from '../clock';
import { ACCOUNT, arn } from '../environment';
import type { Ids } from './ids';
import { refused } from './network';
import type { Ec2Options } from './options';
import { Permissions } from './permissions';

export type SnapshotState = 'pending' | 'completed' | 'error';

export interface SnapshotStatus {
  readonly state: SnapshotState;
  /** In percent. */
  readonly progress: number;
  /** Why it failed. */
  readonly message?: string;
}

export interface SnapshotSpec {
  readonly volumeSize: number;
  readonly startTime: number;
  readonly description?: string;
  readonly tags?: Record<string, string>;
  /** ARN of the key; absent: not encrypted. */
  readonly kmsKeyId?: string;
  /** Whatever fills the snapshot knows how far it is; absent: completed. */
  readonly status?: () => SnapshotStatus;
}

/** An EBS snapshot, as EC2 knows it; its blocks are with the EBS direct APIs. */
export class Snapshot {
  public readonly ownerId = ACCOUNT;
  /** What EC2 says of a snapshot that no volume of the account is behind. */
  public readonly volumeId = 'vol-ffffffff';
  public readonly volumeSize: number;
  public readonly startTime: number;
  public readonly description: string;
  public readonly kmsKeyId: string | undefined;
  public readonly tags: Map<string, string>;
  public readonly createVolumePermissions = new Permissions(['UserId', 'Group']);
  private readonly ask: () => SnapshotStatus;

  /** @param listedAt Before that time, filters do not find it. */
  constructor(public readonly snapshotId: string, public readonly listedAt: number, spec: SnapshotSpec) {
    this.volumeSize = spec.volumeSize;
    this.startTime = spec.startTime;
    this.description = spec.description ?? '';
    this.kmsKeyId = spec.kmsKeyId;
    this.tags = new Map(Object.entries(spec.tags ?? {}));
    this.ask = spec.status ?? (() => ({ state: 'completed', progress: 100 }));
  }

  public get encrypted(): boolean { return this.kmsKeyId !== undefined; }
  public get status(): SnapshotStatus { return this.ask(); }
  public get state(): SnapshotState { return this.status.state; }

  /** Snapshots have no account in their ARN. */
  public get arn(): string {
    return snapshotArn(this.snapshotId);
  }
}

export function snapshotArn(snapshotId: string): string {
  return arn('ec2', `snapshot/${snapshotId}`, { account: '' });
}

/** The account's snapshots, shared by EC2 and the EBS direct APIs. */
export class Snapshots {
  private readonly byId = new Map<string, Snapshot>();
  private readonly listeners: ((snapshotId: string) => void)[] = [];

  constructor(private readonly clock: Clock, private readonly ids: Ids, private readonly options: Ec2Options) {}

  public get all(): Snapshot[] { return [...this.byId.values()]; }
  /** Those that filters find. */
  public get listed(): Snapshot[] { return this.all.filter(snapshot => this.clock.now() >= snapshot.listedAt); }

  public add(spec: SnapshotSpec): Snapshot {
    const id = this.ids.next('snap');
    const snapshot = new Snapshot(id, spec.startTime + (this.options.lateness?.delay('snapshotListing', id) ?? 0), spec);
    this.byId.set(id, snapshot);
    return snapshot;
  }

  public find(snapshotId: string): Snapshot | undefined {
    return this.byId.get(snapshotId);
  }

  /** The snapshot, or EC2's error about the id. */
  public get(snapshotId: string): Snapshot {
    if (!/^snap-([0-9a-f]{8}|[0-9a-f]{17})$/.test(snapshotId)) {
      throw refused('InvalidParameterValue', `Value (${snapshotId}) for parameter snapshotId is invalid. Expected: 'snap-...'.`);
    }
    const snapshot = this.byId.get(snapshotId);
    if (!snapshot) { throw refused('InvalidSnapshot.NotFound', `The snapshot '${snapshotId}' does not exist.`); }
    return snapshot;
  }

  public remove(snapshotId: string): void {
    this.byId.delete(snapshotId);
    this.listeners.forEach(listener => listener(snapshotId));
  }

  public onRemoved(listener: (snapshotId: string) => void): void {
    this.listeners.push(listener);
  }
}
