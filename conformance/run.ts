/**
 * Lets software that is not ours judge our templates, handlers and emulator:
 *
 *     npx projen conformance [--no-cargo] [judge …]
 *
 * Takes what it needs from PyPI, npm, Cargo and Debian's packages, each if it
 * can be had. Ends with an error if something differs that
 * `docs/conformance.md` does not explain.
 */
import { buildColdsnap, judgeByClients } from './judges/clients/index';
import { judgeDeployment } from './judges/deploy/index';
import { judgeByIam } from './judges/iam/index';
import { judgeImages } from './judges/images/index';
import { judgeByModels } from './judges/models/index';
import { judgeByMoto } from './judges/moto/index';
import { judgePermissions } from './judges/permissions/index';
import { buildVersitygw, judgeByVersitygw } from './judges/s3/index';
import { judgeTemplates } from './judges/templates/index';
import { Report } from './tools/report';

/** These take minutes, so they begin first. */
let coldsnapBuild: Promise<string> | undefined;
let versitygwBuild: Promise<string> | undefined;

const JUDGES: Record<string, (report: Report) => Promise<void>> = {
  templates: judgeTemplates,
  iam: judgeByIam,
  models: judgeByModels,
  permissions: judgePermissions,
  moto: judgeByMoto,
  s3: report => judgeByVersitygw(report, versitygwBuild!),
  deploy: judgeDeployment,
  images: judgeImages,
  clients: report => judgeByClients(report, coldsnapBuild),
};

async function main(): Promise<void> {
  const wanted = process.argv.slice(2).filter(argument => argument !== '--no-cargo');
  const unknown = wanted.find(name => !(name in JUDGES));
  if (unknown !== undefined) { throw new Error(`there is no judge '${unknown}', only ${Object.keys(JUDGES).join(', ')}`); }

  const cargo = !process.argv.includes('--no-cargo');
  if (wanted.length === 0 || wanted.includes('clients')) { coldsnapBuild = cargo ? buildColdsnap() : undefined; }
  if (wanted.length === 0 || wanted.includes('s3')) { versitygwBuild = buildVersitygw(); }
  const report = new Report();
  for (const [name, judge] of Object.entries(JUDGES)) {
    if (wanted.length > 0 && !wanted.includes(name)) { continue; }
    const started = Date.now();
    console.log(`\n${name}`);
    await judge(report);
    console.log(`  (${((Date.now() - started) / 1000).toFixed(0)} s)`);
  }
  report.print();
  if (report.failed) { process.exitCode = 1; }
}

main().catch(error => {
  console.error(`\n${(error as Error).stack}`);
  process.exitCode = 1;
});
