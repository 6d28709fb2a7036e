import { CfnDeletionPolicy, type CfnResource, CustomResource, Duration, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import type { Construct, IDependable } from 'constructs';
import { networkOf } from './settings';
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

/** Defines the custom resource of a construct, with the properties that every handler needs. */
export function handledResource<P extends OwnerProperties>(scope: Construct, props: HandledResourceProps<P>): CustomResource {
  const resource: CustomResource = new CustomResource(scope, 'Resource', {
    resourceType: props.resourceType,
    serviceToken: props.provider.serviceToken,
    serviceTimeout: Duration.seconds(SERVICE_TIMEOUT_SECONDS),
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
  resource.node.addDependency(props.provider.answering, ...networkOf(scope));
  return resource;
}

function removalOnTheWire(resource: CustomResource): 'Delete' | 'Retain' {
  const { deletionPolicy } = (resource.node.defaultChild as CfnResource).cfnOptions;
  return deletionPolicy === undefined || deletionPolicy === CfnDeletionPolicy.DELETE ? 'Delete' : 'Retain';
}
