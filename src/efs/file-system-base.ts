import { Resource } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as efs from 'aws-cdk-lib/aws-efs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { EFS_DENY_ANONYMOUS_ACCESS } from 'aws-cdk-lib/cx-api';
import type { IDependable } from 'constructs';

const CLIENT_MOUNT = 'elasticfilesystem:ClientMount';
const CLIENT_WRITE = 'elasticfilesystem:ClientWrite';
const CLIENT_ROOT_ACCESS = 'elasticfilesystem:ClientRootAccess';
const VIA_MOUNT_TARGET = { Bool: { 'elasticfilesystem:AccessedViaMountTarget': 'true' } };

/**
 * The resource policy and the grants of a file system, with the meaning that they have in aws-cdk-lib's `efs.FileSystem`.
 *
 * @internal
 */
export abstract class FileSystemBase extends Resource implements efs.IFileSystem {
  public abstract readonly fileSystemId: string;
  public abstract readonly fileSystemArn: string;
  public abstract readonly connections: ec2.Connections;
  public abstract readonly mountTargetsAvailable: IDependable;

  /** The user's document, if there is one. */
  private policyDocument?: iam.PolicyDocument;
  private startsWithDocument = false;
  private hasStatements = false;
  private clientsGranted = false;
  private anonymousDenied = false;

  /**
   * A reference to this file system, for constructs of the level below.
   */
  public get fileSystemRef(): efs.FileSystemReference {
    return { fileSystemId: this.fileSystemId, fileSystemArn: this.fileSystemArn };
  }

  /**
   * Grants actions on this file system.
   *
   * @param grantee The principal to grant to.
   * @param actions The actions, `elasticfilesystem:…`.
   */
  public grant(grantee: iam.IGrantable, ...actions: string[]): iam.Grant {
    return this.grantTo(grantee, actions);
  }

  /**
   * Grants read access by mount targets. From then on, clients that do not use IAM
   * have no access, unless `allowAnonymousAccess` is true.
   *
   * @param grantee The principal to grant read access to.
   */
  public grantRead(grantee: iam.IGrantable): iam.Grant {
    return this.grantClient(grantee, [CLIENT_MOUNT]);
  }

  /**
   * Grants read and write access by mount targets. From then on, clients that do
   * not use IAM have no access, unless `allowAnonymousAccess` is true.
   *
   * @param grantee The principal to grant read and write access to.
   */
  public grantReadWrite(grantee: iam.IGrantable): iam.Grant {
    return this.grantClient(grantee, [CLIENT_MOUNT, CLIENT_WRITE]);
  }

  /**
   * Grants read and write access as root by mount targets. From then on, clients
   * that do not use IAM have no access, unless `allowAnonymousAccess` is true.
   *
   * @param grantee The principal to grant root access to.
   */
  public grantRootAccess(grantee: iam.IGrantable): iam.Grant {
    return this.grantClient(grantee, [CLIENT_MOUNT, CLIENT_WRITE, CLIENT_ROOT_ACCESS]);
  }

  /**
   * Adds a statement to the policy of the file system.
   *
   * @param statement The statement.
   */
  public addToResourcePolicy(statement: iam.PolicyStatement): iam.AddToResourcePolicyResult {
    this.hasStatements = true;
    this.document().addStatements(statement);
    return { statementAdded: true, policyDependable: this };
  }

  /**
   * The document to begin with; statements are added to it.
   *
   * @internal
   */
  protected _startPolicy(document: iam.PolicyDocument | undefined): void {
    this.policyDocument = document;
    this.startsWithDocument = document !== undefined;
  }

  /**
   * The document, when the template is written. Where there is one, EFS lets nobody
   * mount who is not allowed to; so anonymous clients are kept out by any
   * statement that does not allow it.
   *
   * @internal
   */
  protected _finishPolicy({ allowAnonymousAccess, deniedByDefault }: {
    allowAnonymousAccess: boolean | undefined; deniedByDefault: boolean;
  }): iam.PolicyDocument | undefined {
    const allowed = allowAnonymousAccess ?? !(deniedByDefault || this.clientsGranted);
    // Templates are written in several passes.
    if (!allowed && !this.anonymousDenied) {
      this.anonymousDenied = true;
      this.document().addStatements(new iam.PolicyStatement({
        principals: [new iam.AnyPrincipal()],
        actions: [CLIENT_WRITE, CLIENT_ROOT_ACCESS],
        conditions: VIA_MOUNT_TARGET,
      }));
    }
    return this.policyDocument;
  }

  /**
   * Returns why the file system has a policy even if a `FileSystemPolicy` is there, and what to change. undefined: it has none then.
   *
   * @internal
   */
  protected _causeOfPolicy(allowAnonymousAccess: boolean | undefined, deniedByFlag: boolean): string | undefined {
    if (this.startsWithDocument) { return "by its 'fileSystemPolicy': use one or the other, not both"; }
    if (this.hasStatements) { return "by a grant or 'addToResourcePolicy': add the statement to the FileSystemPolicy instead"; }
    if (allowAnonymousAccess === false) { return "by 'allowAnonymousAccess: false': leave that out, because a FileSystemPolicy allows only what it says"; }
    if (!this.clientsGranted || allowAnonymousAccess) { return undefined; }
    const also = deniedByFlag ? `, as the feature flag ${EFS_DENY_ANONYMOUS_ACCESS} does` : '';
    return `by its grants, which keep anonymous clients out${also}: set its 'allowAnonymousAccess' to true, and let the FileSystemPolicy decide`;
  }

  private document(): iam.PolicyDocument {
    this.policyDocument ??= new iam.PolicyDocument();
    return this.policyDocument;
  }

  private grantClient(grantee: iam.IGrantable, actions: string[]): iam.Grant {
    this.clientsGranted = true;
    return this.grantTo(grantee, actions, VIA_MOUNT_TARGET);
  }

  private grantTo(grantee: iam.IGrantable, actions: string[], conditions?: Record<string, Record<string, unknown>>): iam.Grant {
    return iam.Grant.addToPrincipalOrResource({
      grantee,
      actions,
      conditions,
      resourceArns: [this.fileSystemArn],
      resource: this,
      // In its own policy, the file system cannot name itself before it is there.
      resourceSelfArns: ['*'],
    });
  }
}
