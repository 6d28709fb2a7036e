import { arn, ACCOUNT } from '../../emulator/environment';
import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { nameOf, type Context } from './context';

/** CodePipeline and CodeBuild. Nothing is built here: what a pipeline deploys is for a test to play, from what is kept of it. */
export function pipelineHandlers({ iam, builds, pipelines }: Context): Record<string, Handler> {
  const checkPipeline = ({ RoleArn, Stages }: Properties) => {
    iam.assumable(RoleArn, 'codepipeline.amazonaws.com');
    for (const { ActionTypeId, Configuration, RoleArn: role } of Stages.flatMap(({ Actions }: Properties) => Actions)) {
      if (role?.includes(`::${ACCOUNT}:`)) { iam.role(role); }
      const project = Configuration?.ProjectName;
      if (ActionTypeId.Provider === 'CodeBuild' && !builds.has(project)) { throw new Error(`Project ${project} cannot be found`); }
    }
  };
  const kept = (all: Map<string, Properties>, check: (properties: Properties) => void, attributes: (name: string) => object): Handler => ({
    immutable: ['Name'],
    create: request => {
      check(request.properties);
      const name = nameOf(request, request.properties.Name, 100);
      all.set(name, request.properties);
      return { physicalId: name, attributes: { ...attributes(name) } };
    },
    update: ({ properties }, before) => {
      check(properties);
      all.set(before.physicalId!, properties);
      return { physicalId: before.physicalId!, attributes: before.attributes };
    },
    delete: ({ physicalId }) => void all.delete(physicalId!),
  });
  return {
    'AWS::CodeBuild::Project': kept(
      builds, ({ ServiceRole }) => iam.assumable(ServiceRole, 'codebuild.amazonaws.com'), name => ({ Arn: arn('codebuild', `project/${name}`) })),
    'AWS::CodePipeline::Pipeline': kept(pipelines, checkPipeline, () => ({ Version: '1' })),
  };
}
