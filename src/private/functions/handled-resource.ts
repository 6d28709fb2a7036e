import { CfnDeletionPolicy, CfnResource, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import type { Construct, IDependable } from 'constructs';
import { warnOfMissingEndpoints, waysOut } from './endpoints';
import { functionSettings } from './settings';
import { SERVICE_TIMEOUT_SECONDS } from '../../contract/answering';
import type { OwnerProperties } from '../../contract/ownership';
import type { EbsResourceType, EfsResourceType } from '../../contract/resource-types';
import { ownerOf } from '../resource/owner';

export interface HandledResourceProps<P extends OwnerProperties> {
  readonly resourceType: EfsResourceType | EbsResourceType;
  readonly provider: ServiceProvider;
  readonly removalPolicy?: RemovalPolicy;
  readonly properties: Omit<P, keyof OwnerProperties>;
}

/** The part of a stack that runs the resources of one service. */
export interface ServiceProvider {
  readonly serviceToken: string;
  /** Everything that an answer to CloudFormation needs. */
  readonly answering: IDependable;
}

/**
 * Defines the custom resource of a construct, with the properties that every handler needs.
 *
 * It is a `CfnResource` and no `CustomResource`, so that it is the `node.defaultChild` of its construct, which
 * escape hatches, `applyRemovalPolicy` and aws-cdk-lib itself expect to be one.
 */
export function handledResource<P extends OwnerProperties>(scope: Construct, props: HandledResourceProps<P>): CfnResource {
  const resource: CfnResource = new CfnResource(scope, 'Resource', {
    type: props.resourceType,
    properties: {
      ServiceToken: props.provider.serviceToken,
      ServiceTimeout: `${SERVICE_TIMEOUT_SECONDS}`,
      ...props.properties,
      ...{
        Owner: ownerOf(scope),
        // Read when the template is written, because `RemovalPolicies.of(…)` and `applyRemovalPolicy` are called after the constructor.
        RemovalPolicy: Lazy.string({ produce: () => isRetained(resource) ? 'Retain' : 'Delete' }),
      } satisfies OwnerProperties,
    },
  });
  resource.applyRemovalPolicy(props.removalPolicy ?? RemovalPolicy.DESTROY);
  const { vpc, securityGroups = [] } = functionSettings(scope);
  resource.node.addDependency(props.provider.answering, ...vpc ? [vpc, ...securityGroups, waysOut(scope, vpc)] : []);
  if ('KmsKeyId' in props.properties && props.properties.KmsKeyId !== undefined) { warnOfMissingEndpoints(scope, ['kms']); }
  return resource;
}

/** Whether a resource stays when its stack is deleted. */
export function isRetained({ cfnOptions: { deletionPolicy } }: CfnResource): boolean {
  return deletionPolicy !== undefined && deletionPolicy !== CfnDeletionPolicy.DELETE;
}
