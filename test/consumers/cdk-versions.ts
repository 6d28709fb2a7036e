import { deepStrictEqual } from 'assert';
import { mkdirSync, readdirSync } from 'fs';
import { join } from 'path';
import { javaWith } from './languages';
import { copyOf, FLOOR, install, pack, synthesize, templateIn, WORK } from './packed';
import { has, run } from './shell';

/**
 * The packed library with the lowest aws-cdk-lib that it takes and with the newest:
 * an app that uses every construct compiles against both, and synthesizes the same
 * template. With the newest, its own rules for templates are errors.
 */
function main(): void {
  mkdirSync(WORK, { recursive: true });
  const newest = newestVersions();
  const tarball = join(pack('js'), readdirSync(join(WORK, 'packages', 'js'))[0]);

  const templates = [FLOOR, newest].map(({ cdk, constructs }) => {
    const folder = copyOf('typescript', `aws-cdk-lib-${cdk}`);
    install(folder, tarball, [`aws-cdk-lib@${cdk}`, `constructs@${constructs}`]);
    synthesize(folder, 'every-construct.ts', cdk === newest.cdk ? { '@aws-cdk/core:validateAgainstDefaultRules': true } : {});
    console.log(`aws-cdk-lib ${cdk} with constructs ${constructs}: compiles, synthesizes`);
    return comparable(templateIn(folder));
  });
  deepStrictEqual(templates[1], templates[0], 'the newest aws-cdk-lib makes another template of the same app');
  console.log('both make the same template');

  if (!has('mvn') || !has('javac')) {
    console.log('java: LEFT OUT, this machine has no JDK with Maven');
    return;
  }
  try {
    [FLOOR, newest].forEach(({ cdk, constructs }) => javaWith(cdk, constructs).fetch());
  } catch (error) {
    console.log(`java: LEFT OUT, its registry does not give what it needs: ${(error as Error).message}`);
    return;
  }
  const repository = pack('java');
  for (const { cdk, constructs } of [FLOOR, newest]) {
    javaWith(cdk, constructs).compile(repository);
    console.log(`java: compiles against aws-cdk-lib ${cdk}`);
  }
}

function newestVersions(): typeof FLOOR {
  const view = (name: string) => JSON.parse(run('npm', ['view', `${name}@latest`, 'version', '--json'], { cwd: WORK })) as string;
  return { cdk: view('aws-cdk-lib'), constructs: view('constructs') };
}

/** Without what belongs to aws-cdk-lib itself: its own functions, their runtime, and the hashes of their code. */
function comparable(template: any): unknown {
  const text = JSON.stringify(template, (name, value) => name === 'Metadata' ? undefined : value);
  const { Resources, ...rest } = JSON.parse(text.replace(/[0-9a-f]{64}/g, '<hash>'));
  for (const { Type, Properties } of Object.values<any>(Resources)) {
    if (Type === 'AWS::Lambda::Function') { delete Properties.Runtime; }
  }
  return { ...rest, Resources };
}

main();
