import { Stack, Stage, type StackProps, type StageProps } from 'aws-cdk-lib';
import * as codecommit from 'aws-cdk-lib/aws-codecommit';
import * as pipelines from 'aws-cdk-lib/pipelines';
import type { Construct } from 'constructs';
import { GoldenImageStack } from './golden-image';

export interface ImageStageProps extends StageProps {
  readonly imagePath: string;
}

/** What is deployed to each account: the disk image travels as an asset to the bucket of that account. */
export class ImageStage extends Stage {
  constructor(scope: Construct, id: string, props: ImageStageProps) {
    super(scope, id, props);
    new GoldenImageStack(this, 'Servers', props);
  }
}

export interface PipelineStackProps extends StackProps {
  readonly imagePath: string;
  readonly testAccount: string;
  readonly productionAccount: string;
}

/** Deploys a new image to one account, and then, if somebody agrees, to another one. */
export class PipelineStack extends Stack {
  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    super(scope, id, props);
    const { imagePath, testAccount, productionAccount } = props;
    const repository = codecommit.Repository.fromRepositoryName(this, 'Source', 'images');
    const pipeline = new pipelines.CodePipeline(this, 'Pipeline', {
      crossAccountKeys: true,
      synth: new pipelines.ShellStep('Synth', { input: pipelines.CodePipelineSource.codeCommit(repository, 'main'), commands: ['npm ci', 'npx cdk synth'] }),
    });
    pipeline.addStage(new ImageStage(this, 'Test', { imagePath, env: { account: testAccount, region: this.region } }));
    pipeline.addStage(new ImageStage(this, 'Production', { imagePath, env: { account: productionAccount, region: this.region } }), {
      pre: [new pipelines.ManualApprovalStep('Approve')],
    });
  }
}
