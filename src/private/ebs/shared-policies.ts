import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Exporter } from './exporter';
import type { EbsProvider } from './provider';
import { MergedPolicies } from '../resource/merged-policies';

/** The policies in which the imports and machine images of a stack have what only their creation needs, each made with its first grant. */
export class ImportPolicies {
  constructor(private readonly provider: EbsProvider) {}

  /** Images, and their manifests. */
  public get images(): MergedPolicies {
    return this.of('ImageReadAccess', 'disk images', this.readers, 3);
  }

  /** The parts that images were uploaded in. */
  public get imageParts(): MergedPolicies {
    return this.of('ImagePartsAccess', 'disk images', [this.provider.importer.steps], 3);
  }

  /** The keys of images. */
  public get imageKeys(): MergedPolicies {
    return this.of('ImageKeyAccess', 'keys of disk images', this.readers);
  }

  /** The keys of new snapshots. */
  public get keys(): MergedPolicies {
    return this.of('KeyAccess', 'keys of snapshots', [this.provider.role, ...this.provider.importer.writers], 2);
  }

  /** The keys of snapshots that are read back. */
  public get verifiedKeys(): MergedPolicies {
    return this.of('KeyReadAccess', 'keys of snapshots', [this.provider.importer.steps]);
  }

  /** The keys of snapshots that are compared with a parent. */
  public get parentKeys(): MergedPolicies {
    return this.of('ParentKeyAccess', 'keys of snapshots', [this.provider.importer.steps]);
  }

  /** Snapshots of others, from which the handlers make snapshots and machine images. */
  public get snapshots(): MergedPolicies {
    return this.of('SnapshotAccess', 'snapshots of others', [this.provider.role]);
  }

  /** Parents whose blocks are counted. */
  public get parentPlans(): MergedPolicies {
    return this.of('ParentPlanAccess', 'parents of snapshots', [this.provider.importer.steps]);
  }

  /** Parents whose blocks are read. */
  public get parentCopies(): MergedPolicies {
    return this.of('ParentCopyAccess', 'parents of snapshots', this.provider.importer.writers);
  }

  /** The roles that read images. */
  private get readers(): iam.IRole[] {
    const { role, importer } = this.provider;
    return [role, ...importer.readers, importer.steps];
  }

  private of(id: string, things: string, roles: iam.IRole[], most = 1): MergedPolicies {
    return MergedPolicies.of(this.provider, id, { roles, things, neededBy: 'creation', most });
  }
}

/** The policies of the exports of a stack. */
export class ExportPolicies {
  constructor(private readonly exporter: Exporter) {}

  /** Objects that are removed, and their keys. A Delete needs these. */
  public get targets(): MergedPolicies {
    return MergedPolicies.of(this.exporter, 'TargetAccess', { roles: this.cleaners, things: 'exports', neededBy: 'clean-up', most: 2 });
  }

  /** The roles that remove objects. */
  public get cleaners(): iam.IRole[] {
    const { handler, cleanUp, finish } = this.exporter.roles;
    return [handler, cleanUp, finish];
  }

  /** Objects that are written, and their keys. */
  public get writes(): MergedPolicies {
    const { handler, copy, finish } = this.exporter.roles;
    return this.of('WriteAccess', 'exports', [handler, copy, finish], 2);
  }

  public get manifests(): MergedPolicies {
    return this.of('ManifestAccess', 'exports', [this.exporter.roles.finish], 2);
  }

  /** Snapshots that are read. */
  public get reads(): MergedPolicies {
    return this.of('ReadAccess', 'exported snapshots', [this.exporter.roles.copy]);
  }

  /** Snapshots whose blocks the plan lists. */
  public get plans(): MergedPolicies {
    return this.of('PlanAccess', 'exported snapshots', [this.exporter.roles.plan], 2);
  }

  /** Keys of snapshots that are read. */
  public get keys(): MergedPolicies {
    return this.of('KeyAccess', 'keys of exported snapshots', [this.exporter.roles.copy]);
  }

  /** Keys of snapshots whose blocks the plan lists. */
  public get planKeys(): MergedPolicies {
    return this.of('PlanKeyAccess', 'keys of exported snapshots', [this.exporter.roles.plan]);
  }

  private of(id: string, things: string, roles: iam.IRole[], most = 1): MergedPolicies {
    return MergedPolicies.of(this.exporter, id, { roles, things, neededBy: 'creation', most });
  }
}
