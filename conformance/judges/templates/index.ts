/** cfn-lint, with CloudFormation's own resource schemas that come with it, reads every template that we synthesize; cdk-nag, every example. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { App } from 'aws-cdk-lib';
import * as library from 'cdk-durable-storage';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { everythingApp } from '../../tools/everything';
import { synthesizeExamples } from '../../tools/examples';
import { environment, workFolder } from '../../tools/folders';
import { run } from '../../tools/processes';
import { Unavailable, type Report, type Section } from '../../tools/report';
import { python, version } from '../../tools/tools';

interface Finding {
  readonly Filename: string;
  readonly Level: 'Error' | 'Warning' | 'Informational';
  readonly Message: string;
  readonly Rule: { readonly Id: string };
  readonly Location: { readonly Path?: (string | number)[] };
}

/** Errors that are none, by rule. */
const EXPLAINED: Record<string, string> = {
  E3703: 'aws-cdk-lib\'s pipelines give roles by Fn::Join with AWS::Partition in it, which CloudFormation takes as it takes Fn::Sub',
};

export async function judgeTemplates(report: Report): Promise<void> {
  const folder = workFolder('templates');
  const examples = synthesizeExamples(folder);
  await lintAll(report, folder);
  const section = report.section('cdk-nag, AwsSolutions', 'examples');
  for (const { name, app } of examples) { await section.check(name, () => nag(app)); }
}

async function lintAll(report: Report, folder: string): Promise<void> {
  const section = report.section(`cfn-lint ${version('cfn-lint')}`, 'templates');
  let bin: string | undefined;
  await section.check('is set up', async () => { bin = await python('cfn-lint'); });
  if (bin === undefined) { return; }

  await section.check('conformance/tools/everything.ts has every construct of the library', () => {
    everythingApp({ account: ACCOUNT, region: REGION }, join(folder, 'everything-here'));
  });
  // Without an account and a Region, properties that depend on them are decided at deployment.
  everythingApp({}, join(folder, 'everything-anywhere'));
  const paths = globSync(join(folder, '**', '*.template.json')).sort();
  let findings: Finding[] = [];
  await section.check('reads all templates', async () => { findings = await lint(bin!, paths); });
  for (const path of paths) { judge(section, path.slice(folder.length + 1), findings.filter(({ Filename }) => Filename === path)); }
}

/** Nothing may be found in what the library made; what an example has beside it is its own. */
function nag(app: App): string {
  const found = new AwsSolutionsChecks(app).validateScope(app).violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath }) => ({ ruleName, path: constructPath!, ours: isOurs(app, constructPath!) })));
  const ours = found.filter(finding => finding.ours);
  if (ours.length > 0) { throw new Error(ours.map(({ ruleName, path }) => `${ruleName} ${path}`).join('; ')); }
  const rules = new Set(found.map(({ ruleName }) => ruleName.replace(/\[.*/, '')));
  return `nothing in the library's${rules.size > 0 ? `; in the example's own: ${[...rules].join(', ')}` : ''}`;
}

function isOurs(app: App, path: string): boolean {
  const scopes = path.split('/').reduce<IConstruct[]>((above, id) => [...above, above.at(-1)!.node.findChild(id)], [app]);
  const classes = Object.values(library).filter(value => typeof value === 'function');
  return scopes.some(({ node, constructor }) => /^cdk-durable-storage\./.test(node.id) || classes.some(each => each === constructor));
}

async function lint(bin: string, paths: readonly string[]): Promise<Finding[]> {
  const { stdout, stderr } = await run(join(bin, 'cfn-lint'), ['--format', 'json', '--regions', REGION, '--', ...paths], { env: environment(), minutes: 15 });
  try {
    return JSON.parse(stdout) as Finding[];
  } catch {
    throw new Unavailable(`cfn-lint does not run: ${stderr.slice(-400)}`);
  }
}

function judge(section: Section, template: string, findings: readonly Finding[]): void {
  const errors = findings.filter(({ Level }) => Level === 'Error');
  const unexplained = errors.filter(({ Rule }) => !(Rule.Id in EXPLAINED));
  const say = ({ Rule, Message, Location }: Finding) => `${Rule.Id} ${Message} (${Location.Path?.join('/') ?? ''})`;
  if (unexplained.length > 0) { return section.row(template, 'failed', unexplained.map(say).join('; ')); }
  if (errors.length > 0) { return section.row(template, 'explained', [...new Set(errors.map(({ Rule }) => `${Rule.Id}: ${EXPLAINED[Rule.Id]}`))].join('; ')); }
  const others = new Map<string, number>();
  findings.forEach(({ Rule }) => others.set(Rule.Id, (others.get(Rule.Id) ?? 0) + 1));
  section.row(template, 'passed', `no error${others.size > 0 ? `; ${[...others].map(([id, count]) => `${count} × ${id}`).join(', ')}` : ''}`);
}
