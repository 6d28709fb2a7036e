import { CfnDeletionPolicy, type CfnResource, CustomResource, Duration, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { networkOf } from './settings';
import type { OwnerProperties } from '../../contract/ownership';
import type { EbsResourceType, EfsResourceType } from '../../contract/resource-types';
import { ownerOf } from '../resource/owner';

export interface HandledResourceProps<P extends OwnerProperties> {
  readonly resourceType: EfsResourceType | EbsResourceType;
  readonly serviceToken: string;
  readonly removalPolicy?: RemovalPolicy;
  readonly properties: Omit<P, keyof OwnerProperties>;
}

/** A little longer than the provider's own limit, so that the provider's error is shown and not CloudFormation's. */
const SERVICE_TIMEOUT = Duration.minutes(55);

/** Defines the custom resource of a construct, with the properties that every handler needs. */
export function handledResource<P extends OwnerProperties>(scope: Construct, props: HandledResourceProps<P>): CustomResource {
  const resource: CustomResource = new CustomResource(scope, 'Resource', {
    resourceType: props.resourceType,
    serviceToken: props.serviceToken,
    serviceTimeout: SERVICE_TIMEOUT,
    removalPolicy: props.removalPolicy ?? RemovalPolicy.DESTROY,
    properties: {
      ...props.properties,
      ...{
        Owner: ownerOf(scope),
        // Read when the template is written, because `RemovalPolicies.of(…)` and `applyRemovalPolicy` are called after the constructor.
        RemovalPolicy: Lazy.string({ produce: () => removalOnTheWire(resource) }),
      } satisfies OwnerProperties,
    },
  });
  resource.node.addDependency(...networkOf(scope));
  return resource;
}

function removalOnTheWire(resource: CustomResource): 'Delete' | 'Retain' {
  const { deletionPolicy } = (resource.node.defaultChild as CfnResource).cfnOptions;
  return deletionPolicy === undefined || deletionPolicy === CfnDeletionPolicy.DELETE ? 'Delete' : 'Retain';
}
