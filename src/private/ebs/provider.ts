import { Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import { Construct, type IDependable } from 'constructs';
import { Exporter } from './exporter';
import { anySnapshot, imageStatements, ownedSnapshots, snapshotReads } from './snapshot-access';
import { Transfer } from './transfer';
import { OWNERSHIP_TAGS } from '../../contract/ownership';
import { TRANSFER_ENVIRONMENT } from '../../contract/transfer';
import { Answering } from '../functions/answering';
import type { ServiceProvider } from '../functions/handled-resource';
import { applyBoundary } from '../functions/settings';
import { acknowledgeFunctions } from '../resource/acknowledge';
import { MergedPolicies } from '../resource/merged-policies';
import { checkRoom } from '../resource/role-room';

/**
 * What runs for the EBS resources of one stack: the handlers, and the state
 * machine that does the work. As in `EfsProvider`, its roles hold what may be
 * done to things of this stack; images and keys are granted beside them.
 */
export class EbsProvider extends Construct implements ServiceProvider {
  public static getOrCreate(scope: Construct): EbsProvider {
    const stack = Stack.of(scope);
    return stack.node.tryFindChild(EbsProvider.ID) as EbsProvider ?? new EbsProvider(stack);
  }

  /** The service token comes from it, and can never change for a deployed resource. */
  private static readonly ID = 'cdk-durable-storage.Ebs';

  public readonly serviceToken: string;
  public readonly answering: IDependable;
  /** The role of the handlers. */
  public readonly role: iam.IRole;
  /** The state machine that copies. */
  public readonly stateMachineArn: string;
  /** What an import needs although it does not refer to it: made before, removed after all imports. */
  public readonly standing: IDependable;

  private readonly transfer: Transfer;
  private readonly handlers: Answering;
  private made: Exporter | undefined;

  private constructor(stack: Stack) {
    super(stack, EbsProvider.ID);
    const transfer = new Transfer(this, 'Transfer');
    applyBoundary(this);
    acknowledgeFunctions(this);
    const answering = new Answering(this, {
      bundle: 'ebs',
      environment: {
        [TRANSFER_ENVIRONMENT.bucket]: transfer.bucket.bucketName,
        [TRANSFER_ENVIRONMENT.stateMachineArn]: transfer.stateMachine.stateMachineArn,
      },
    });
    [...this.statements(stack), ...transfer.handlerStatements()].forEach(statement => answering.allow(statement));

    this.serviceToken = answering.serviceToken;
    this.answering = answering.standing;
    this.role = answering.role;
    this.stateMachineArn = transfer.stateMachine.stateMachineArn;
    this.transfer = transfer;
    this.handlers = answering;
    this.standing = transfer.standing;
    checkRoom(this, this.role);
    [...transfer.readers, ...transfer.verifiers, transfer.planner].forEach(role => checkRoom(this, role));
  }

  /** Policies for images, and their manifests. */
  public get images(): MergedPolicies {
    return this.policies('ImageAccess', 'disk images', [this.role, ...this.transfer.readers, this.transfer.planner], 3);
  }

  /** Policies for the parts that images were uploaded in. */
  public get imageParts(): MergedPolicies {
    return this.policies('ImageParts', 'disk images', [this.transfer.planner], 3);
  }

  /** Policies for the keys of images. */
  public get imageKeys(): MergedPolicies {
    return this.policies('ImageKeyAccess', 'keys of disk images', [this.role, ...this.transfer.readers, this.transfer.planner]);
  }

  /** Policies for the keys of new snapshots. */
  public get keys(): MergedPolicies {
    return this.policies('KeyAccess', 'keys of snapshots', [this.role, ...this.transfer.writers], 2);
  }

  /** Policies for the keys of snapshots that are read back. */
  public get verifiedKeys(): MergedPolicies {
    return this.policies('KeyReadAccess', 'keys of snapshots', this.transfer.verifiers);
  }

  /** Policies for the keys of snapshots that are compared with a parent. */
  public get parentKeys(): MergedPolicies {
    return this.policies('ParentKeyAccess', 'keys of snapshots', [this.transfer.planner]);
  }

  /** Policies for snapshots of others, of which the handlers make snapshots and machine images. */
  public get snapshots(): MergedPolicies {
    return this.policies('SnapshotAccess', 'snapshots of others', [this.role]);
  }

  /** Policies for parents, whose blocks the plan counts. */
  public get parentPlans(): MergedPolicies {
    return this.policies('ParentPlanAccess', 'parents of snapshots', [this.transfer.planner]);
  }

  /** Policies for parents, whose blocks are read. */
  public get parentCopies(): MergedPolicies {
    return this.policies('ParentCopyAccess', 'parents of snapshots', this.transfer.writers);
  }

  /** What runs for exports, made when there is a first one. */
  public get exporter(): Exporter {
    if (!this.made) {
      this.made = new Exporter(this, 'Exporter', { bucket: this.transfer.bucket, handlerRole: this.handlers.role });
      this.handlers.addEnvironment(TRANSFER_ENVIRONMENT.exportStateMachineArn, this.made.stateMachine.stateMachineArn);
      this.made.handlerStatements().forEach(statement => this.handlers.allow(statement));
    }
    return this.made;
  }

  private policies(id: string, things: string, roles: iam.IRole[], most = 1): MergedPolicies {
    return MergedPolicies.of(this, id, { roles, things, neededBy: 'creation', most });
  }

  private statements(stack: Stack): iam.PolicyStatementProps[] {
    const madeHere = { [`aws:RequestTag/${OWNERSHIP_TAGS.stackId}`]: stack.stackId };
    return [
      { actions: ['ebs:StartSnapshot'], resources: [anySnapshot(this)], conditions: { StringEquals: madeHere } },
      // A parent is a resource of the call too.
      { ...ownedSnapshots(this), actions: ['ebs:StartSnapshot'] },
      // StartSnapshot offers no ec2:CreateAction: a condition on it would deny the tags of every import.
      { actions: ['ec2:CreateTags'], resources: [anySnapshot(this)], conditions: { StringEquals: madeHere } },
      {
        ...ownedSnapshots(this),
        actions: [
          'ec2:CreateTags', 'ec2:DeleteTags', 'ec2:DeleteSnapshot', 'ec2:RegisterImage', 'ec2:ModifySnapshotAttribute', 'ec2:DescribeSnapshotAttribute',
        ],
      },
      snapshotReads(),
      // Whether a new snapshot would be encrypted as its parent is; neither can be limited.
      { actions: ['ec2:GetEbsEncryptionByDefault', 'ec2:GetEbsDefaultKmsKeyId'], resources: ['*'] },
      {
        actions: ['kms:DescribeKey'],
        resources: [stack.formatArn({ service: 'kms', resource: 'key', resourceName: '*' })],
        conditions: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/aws/ebs' } },
      },
      ...imageStatements(this),
    ];
  }
}
