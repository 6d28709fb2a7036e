import type { CfnResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { isRetained } from '../functions/handled-resource';

/**
 * Refuses a copy in the background that is retained when its stack is deleted: the functions and the state machine go with the stack, so a copy
 * that is under way then would never be completed. Read when the template is written, because `applyRemovalPolicy` is called after the constructor.
 */
export function refuseRetainedBackground(scope: IConstruct, resource: CfnResource): void {
  scope.node.addValidation({
    validate: () => isRetained(resource) ? [
      `with 'waitForCompletion: false', 'removalPolicy' must be DESTROY, got ${resource.cfnOptions.deletionPolicy}: what is copied would be retained unfinished `
      + "if the stack were deleted meanwhile. Deploy with DESTROY, and after the end of the copy with the policy that you want and without 'waitForCompletion'",
    ] : [],
  });
}
