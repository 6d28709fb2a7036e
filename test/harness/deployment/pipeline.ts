import { readFileSync } from 'fs';
import { basename, join } from 'path';
import type * as player from '../../../world/cloudformation';
import type * as emulators from '../../../world/emulator/emulator';
import type * as environment from '../../../world/emulator/environment';

type Properties = Record<string, any>;

export interface Account {
  readonly emulator: emulators.Emulator;
  readonly cloudFormation: player.CloudFormation;
}

/** Another account. Which one it is stands in the emulator's sources, so they are loaded once more. */
export async function otherAccount(account: string): Promise<Account> {
  const ENVIRONMENT = '../../../world/emulator/environment';
  const actual = jest.requireActual<typeof environment>(ENVIRONMENT);
  const arn: typeof actual.arn = (service, resource, options) => actual.arn(service, resource, { account, ...options });
  let start!: () => Promise<Account>;
  jest.isolateModules(() => {
    jest.doMock(ENVIRONMENT, () => ({ ...actual, ACCOUNT: account, arn }));
    const { CloudFormation } = jest.requireActual<typeof player>('../../../world/cloudformation');
    const { Emulator } = jest.requireActual<typeof emulators>('../../../world/emulator/emulator');
    start = async () => {
      const emulator = await Emulator.start();
      return { emulator, cloudFormation: new CloudFormation(emulator) };
    };
  });
  jest.dontMock(ENVIRONMENT);
  return start();
}

export interface Deployed {
  readonly account: string;
  readonly stackName: string;
  readonly outcome: player.StackOutcome;
}

/**
 * Plays what a pipeline of CDK Pipelines does with an assembly, stage by stage, its approvals given: publishes
 * the assets that its builds name, and deploys each stack into the account whose role the action assumes.
 */
export async function runPipeline(
  pipeline: Properties, builds: ReadonlyMap<string, Properties>, assembly: string, accounts: ReadonlyMap<string, Account>,
): Promise<Deployed[]> {
  const deployed: Deployed[] = [];
  const published = new Set<string>();
  const templates = new Map<string, string>();
  const actions: Properties[] = pipeline.Stages.flatMap(({ Actions }: Properties) => [...Actions].sort((a, b) => a.RunOrder - b.RunOrder));
  for (const { ActionTypeId: { Provider }, Configuration, RoleArn } of actions) {
    if (Provider === 'CodeBuild') { assetsOf(builds.get(Configuration.ProjectName)!).forEach(asset => published.add(asset)); }
    if (Provider !== 'CloudFormation') { continue; }
    const { ActionMode, StackName: stackName, TemplatePath } = Configuration;
    if (ActionMode === 'CHANGE_SET_REPLACE') {
      templates.set(stackName, TemplatePath.split('::')[1]);
      continue;
    }
    checkPublished(assembly, templates.get(stackName)!, published);
    const account = RoleArn.split(':')[4];
    deployed.push({ account, stackName, outcome: await accounts.get(account)!.cloudFormation.deploy(assembly, stackName) });
  }
  return deployed;
}

/** What a build publishes: manifest and selector. */
function assetsOf({ Source }: Properties): string[] {
  const commands: string[] = JSON.parse(Source.BuildSpec).phases.build.commands;
  return commands.flatMap(command => {
    const [, manifest, selector] = /^cdk-assets --path "([^"]+)" --verbose publish "([^"]+)"$/.exec(command) ?? [];
    return manifest ? [`${manifest} ${selector}`] : [];
  });
}

/** All but the template itself, which comes with the change set. */
function checkPublished(assembly: string, template: string, published: Set<string>): void {
  const manifest = template.replace(/\.template\.json$/, '.assets.json');
  const { files } = JSON.parse(readFileSync(join(assembly, manifest), 'utf8')) as { files: Record<string, Properties> };
  const needed = Object.entries(files).filter(([, { source }]) => source.path !== basename(template))
    .flatMap(([id, { destinations }]) => Object.keys(destinations).map(destination => `${manifest} ${id}:${destination}`));
  const missing = needed.filter(asset => !published.has(asset));
  if (missing.length > 0) { throw new Error(`not published before the deployment: ${missing.join(', ')}`); }
}
