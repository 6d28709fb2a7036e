import { CfnDeletionPolicy, type CfnResource, CustomResource, Duration, Lazy, RemovalPolicy } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { networkOf } from './settings';
import type { OwnerProperties } from '../../contract/ownership';
import { ownerOf } from '../resource/owner';

export interface HandledResourceProps<P extends OwnerProperties> {
  readonly resourceType: `Custom::${string}`;
  readonly serviceToken: string;
  readonly removalPolicy?: RemovalPolicy;
  readonly properties: Omit<P, keyof OwnerProperties>;
}

/** A little more than the provider's own limit, so that its error is the one that is shown. */
const SERVICE_TIMEOUT = Duration.minutes(55);

/** The custom resource of a construct, with what every handler must know. */
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
        // Read when the template is written: `RemovalPolicies.of(…)` and `applyRemovalPolicy` come later than the constructor.
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
