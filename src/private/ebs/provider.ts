import { NestedStack, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct, DependencyGroup } from 'constructs';
import { Exporter } from './exporter';
import { returnsTokens, type RangeWorkProps } from './range-work';
import { imageStatements, publicImageStatements } from './snapshot-access';
import { Transfer } from './transfer';
import { IMAGES_PREFIX, RECORDS, TOKENS, TransferBucket } from './transfer-bucket';
import { TRANSFER_ENVIRONMENT } from '../../contract/transfer';
import { Answering } from '../functions/answering';
import { keyStatements } from '../functions/encryption';
import type { ServiceProvider } from '../functions/handled-resource';
import { applyBoundary } from '../functions/settings';
import { acknowledgeFunctions } from '../resource/acknowledge';
import { rootStackName } from '../resource/owner';

/**
 * The functions, state machines and permissions of the EBS resources of one stack. Those of a kind of resource are made with the first of that kind.
 *
 * A kind that leaves the stack takes its parts along, and its last resource is deleted after the function and its role were updated. So all that
 * this Delete needs stands in resources of the kind, on which the custom resource depends, or in the properties of the custom resource.
 * Images and keys are granted beside them.
 */
export class EbsProvider extends Construct implements ServiceProvider {
  public static getOrCreate(scope: Construct): EbsProvider {
    const stack = Stack.of(scope);
    return stack.node.tryFindChild(EbsProvider.ID) as EbsProvider ?? new EbsProvider(stack);
  }

  /** The service token comes from it, and can never change for a deployed resource. */
  private static readonly ID = 'cdk-durable-storage.Ebs';

  public readonly serviceToken: string;
  public readonly answering: DependencyGroup;
  /** The role of the handlers. */
  public readonly role: iam.IRole;

  private readonly handlers: Answering;
  private readonly made: {
    bucket?: TransferBucket; importer?: Transfer; exporter?: Exporter; imageAccess?: iam.Policy; publicImageAccess?: iam.Policy;
  } = {};

  private constructor(stack: Stack) {
    super(stack, EbsProvider.ID);
    applyBoundary(this);
    acknowledgeFunctions(this);
    this.handlers = new Answering(this, { bundle: 'ebs' });
    // The root stack shows whether a resource is replaced, rolled back, or removed with its stack. A nested stack has only the name of its root.
    const root = stack.formatArn({ service: 'cloudformation', resource: 'stack', resourceName: `${rootStackName(this)}/*` });
    this.handlers.allow({ actions: ['cloudformation:DescribeStacks'], resources: [stack.stackId, ...NestedStack.isNestedStack(stack) ? [root] : []] });
    this.role = this.handlers.role;
    this.serviceToken = this.handlers.serviceToken;
    this.answering = new DependencyGroup(this.handlers.standing);
  }

  /** The functions and the state machine of imports. */
  public get importer(): Transfer {
    return this.made.importer ??= new Transfer(this, 'Transfer', this.rangeWork);
  }

  /** The functions and the state machine of exports. */
  public get exporter(): Exporter {
    return this.made.exporter ??= new Exporter(this, 'Exporter', this.rangeWork);
  }

  /** Makes the bucket, in which it is recorded which images are this stack's. An image that keeps predecessors needs it to remove them. */
  public keepRecords(): void {
    void this.bucket;
  }

  /** The permissions of the handlers for machine images. */
  public get imageAccess(): iam.Policy {
    return this.made.imageAccess ??= this.policy('MachineImageAccess', imageStatements(this));
  }

  /** What the handlers may do besides to machine images that are public. */
  public get publicImageAccess(): iam.Policy {
    return this.made.publicImageAccess ??= this.policy('PublicImageAccess', publicImageStatements(this));
  }

  /** The bucket of imports and exports. Machine images remove what it records of snapshots that were kept for them, so all resources depend on it. */
  private get bucket(): TransferBucket {
    return this.made.bucket ??= this.makeBucket();
  }

  private get rangeWork(): RangeWorkProps {
    return { bucket: this.bucket, handlerRole: this.role, waiterArn: this.handlers.waiterArn };
  }

  private makeBucket(): TransferBucket {
    const bucket = new TransferBucket(this, 'Bucket');
    const access = this.policy('BucketAccess', [
      ...bucket.statements(['s3:GetObject', 's3:DeleteObject']),
      // The records of AMIs.
      { actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'], resources: [bucket.arnForObjects(`${IMAGES_PREFIX}*`)] },
      // The records of snapshots and exports, and the token with which an execution waits for a transfer: the handler returns it at once if the
      // transfer has ended before.
      { actions: ['s3:PutObject'], resources: [TOKENS, RECORDS].map(objects => bucket.arnForObjects(objects)) },
      ...keyStatements(this, ['s3:PutObject']),
      returnsTokens(this.handlers.waiterArn),
    ]);
    this.handlers.addEnvironment(TRANSFER_ENVIRONMENT.bucket, bucket.bucketName);
    this.answering.add(bucket, access);
    return bucket;
  }

  private policy(id: string, statements: iam.PolicyStatementProps[]): iam.Policy {
    return new iam.Policy(this, id, { roles: [this.role], statements: statements.map(statement => new iam.PolicyStatement(statement)) });
  }
}
