import type { Stack } from 'aws-cdk-lib';
import { Template as CdkTemplate } from 'aws-cdk-lib/assertions';

export * from 'aws-cdk-lib/assertions';

/** In the place of `../../assertions`: a template in which our file systems have the type of CloudFormation's. */
export const Template = {
  ...CdkTemplate,
  fromStack: (stack: Stack) => {
    const template = CdkTemplate.fromStack(stack).toJSON();
    for (const resource of Object.values<{ Type: string }>(template.Resources)) {
      if (resource.Type === 'Custom::FileSystem') { resource.Type = 'AWS::EFS::FileSystem'; }
    }
    return CdkTemplate.fromJSON(template);
  },
};
