/** cfn-lint, with CloudFormation's own resource schemas that come with it, reads every template that we synthesize. */
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { constructsMissingIn, EverythingStack } from './everything';
import { environment, ROOT, workFolder } from './folders';
import { run } from './processes';
import { Unavailable, type Report } from './report';
import { python, version } from './tools';
import { DemoStack } from '../examples/demo/stack';
import { ACCOUNT, REGION } from '../test/emulator/environment';

interface Finding {
  readonly Level: 'Error' | 'Warning' | 'Informational';
  readonly Message: string;
  readonly Rule: { readonly Id: string };
  readonly Location: { readonly Path?: (string | number)[] };
}

export async function judgeTemplates(report: Report): Promise<void> {
  const section = report.section(`cfn-lint ${version('cfn-lint')}`, 'templates');
  const folder = workFolder('templates');
  let bin: string | undefined;
  await section.check('is set up', async () => { bin = await python('cfn-lint'); });
  if (bin === undefined) { return; }

  await section.check('conformance/everything.ts has every construct of the library', () => {
    const missing = constructsMissingIn(synthesize(join(folder, 'everything-here'), { account: ACCOUNT, region: REGION }));
    if (missing.length > 0) { throw new Error(`it lacks ${missing.join(', ')}`); }
  });
  synthesize(join(folder, 'everything-anywhere'), {});
  for (const path of globSync(join(folder, '*', '*.template.json')).sort()) {
    await section.check(path.slice(folder.length + 1), () => lint(bin!, path));
  }
}

/** All stacks that this repository shows or tests with; without an account and a Region, what depends on them is decided at deployment. */
function synthesize(outdir: string, env: { account?: string; region?: string }): App {
  const app = new App({ outdir, analyticsReporting: false });
  new EverythingStack(app, 'Everything', { env });
  if (env.region !== undefined) {
    const imagePath = join(ROOT, 'package.json');
    new DemoStack(app, 'Demo', { env, imagePath, costCenter: '1001', clients: 'Research' });
  }
  app.synth();
  return app;
}

async function lint(bin: string, path: string): Promise<string> {
  const { stdout, stderr } = await run(join(bin, 'cfn-lint'), ['--format', 'json', '--regions', REGION, '--', path], { env: environment(), minutes: 5 });
  let findings: Finding[];
  try {
    findings = JSON.parse(stdout) as Finding[];
  } catch {
    throw new Unavailable(`cfn-lint does not run: ${stderr.slice(-400)}`);
  }
  writeFileSync(`${path}.lint.json`, stdout);
  const errors = findings.filter(({ Level }) => Level === 'Error');
  const say = ({ Rule, Message, Location }: Finding) => `${Rule.Id} ${Message} (${Location.Path?.join('/') ?? ''})`;
  if (errors.length > 0) { throw new Error(errors.map(say).join('; ')); }
  const others = new Map<string, number>();
  findings.forEach(({ Rule }) => others.set(Rule.Id, (others.get(Rule.Id) ?? 0) + 1));
  return `no error${others.size > 0 ? `; ${[...others].map(([id, count]) => `${count} × ${id}`).join(', ')}` : ''}`;
}
