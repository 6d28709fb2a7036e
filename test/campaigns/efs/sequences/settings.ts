import type { Scene } from './scene';
import { SETTINGS, type LogicalId, type SettingId } from './stack-template';

/** A resource with its properties, by logical id. */
type Held = Partial<Record<LogicalId, { readonly properties: any }>>;

/**
 * Which setting each file system must have: that of the stack's resource; none, once the resource is gone; or that of somebody who has
 * changed it since. A backup policy stays as the resource set it, so nobody can say what it is afterwards.
 */
export class SettingsOracle {
  /** Values that somebody else has set, by setting and file system, until the stack sets one again. */
  private readonly theirs = new Map<string, unknown>();
  /** Nobody can say whether these settings are there. */
  private readonly unknown = new Set<string>();

  constructor(private readonly scene: Scene) {}

  /** Somebody else has changed a setting. */
  public changed(logicalId: SettingId, fileSystemId: string, value: unknown): void {
    this.theirs.set(key(logicalId, fileSystemId), value);
    this.unknown.delete(key(logicalId, fileSystemId));
  }

  public completed(logicalId: SettingId, { FileSystemId: id }: any): void {
    this.theirs.delete(key(logicalId, id));
    this.unknown.delete(key(logicalId, id));
  }

  /** A change did not succeed that may have set something. `isCancelled`: it got no answer, so CloudFormation does not have its id. */
  public failed(logicalId: SettingId, { FileSystemId: id }: any, oldId: string | undefined, isCancelled: boolean): void {
    if (id === oldId) { return; }
    // A value that was overwritten is not put back (deployed-behaviour 3).
    const wasTheirs = this.theirs.delete(key(logicalId, id));
    // The rollback of a move that was cancelled removes nothing from the other file system (efs-field-cases 5).
    if (wasTheirs || (oldId !== undefined && isCancelled)) { this.unknown.add(key(logicalId, id)); }
  }

  /** The way back of a change failed, and was left out. */
  public skipped(logicalId: SettingId, { FileSystemId: id }: any): void {
    this.theirs.delete(key(logicalId, id));
    this.unknown.add(key(logicalId, id));
  }

  /** Returns the file systems that may have a policy which the stack did not make, or no longer has. */
  public strayPolicies(): string[] {
    return [...this.theirs.keys(), ...this.unknown].filter(one => one.startsWith('Policy ')).map(one => one.slice('Policy '.length));
  }

  /** Somebody has removed a policy. */
  public removed(fileSystemId: string): void {
    this.theirs.delete(key('Policy', fileSystemId));
    this.unknown.delete(key('Policy', fileSystemId));
  }

  public check(fileSystemId: string, held: Held): void {
    for (const logicalId of SETTINGS) {
      if (this.unknown.has(key(logicalId, fileSystemId)) || (logicalId === 'Policy' && this.scene.policies === 'file system')) { continue; }
      const theirs = this.theirs.get(key(logicalId, fileSystemId));
      const properties = held[logicalId]?.properties;
      const wanted = properties?.FileSystemId === fileSystemId ? valueIn(logicalId, properties) : NONE[logicalId];
      if (wanted === undefined && theirs === undefined) { continue; }
      expect({ fileSystemId, [logicalId]: this.present(logicalId, fileSystemId) }).toEqual({ fileSystemId, [logicalId]: theirs ?? wanted });
    }
  }

  private present(logicalId: SettingId, fileSystemId: string): unknown {
    const { policy, lifecyclePolicies, backupPolicy } = this.scene.world.efs.fileSystems.find(({ id }) => id === fileSystemId)!;
    switch (logicalId) {
      case 'Policy': return policy === undefined ? NONE.Policy : JSON.parse(policy);
      case 'Transitions': return lifecyclePolicies;
      case 'Backup': return backupPolicy ?? 'DISABLED';
    }
  }
}

/** The settings without a resource. The one of backups is not known. */
const NONE: Record<SettingId, unknown> = { Policy: 'none', Transitions: [], Backup: undefined };

function valueIn(logicalId: SettingId, properties: any): unknown {
  switch (logicalId) {
    case 'Policy': return properties.FileSystemPolicy;
    case 'Transitions': return properties.LifecyclePolicies;
    case 'Backup': return properties.BackupPolicy.Status;
  }
}

function key(logicalId: SettingId, fileSystemId: string): string {
  return `${logicalId} ${fileSystemId}`;
}
