import { deepStrictEqual } from 'assert';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'fs';
import { join } from 'path';
import { gunzipSync } from 'zlib';
import { javaWith } from './languages';
import { FLOOR, install, pack, ROOT, synthesize, templateIn, WORK, type Versions } from './packed';
import { has, run } from './shell';

/**
 * The packed library with the lowest aws-cdk-lib that it takes and with the newest:
 * an app that uses every construct compiles against both, and synthesizes the same
 * resources, ours with the same properties; what else differs is aws-cdk-lib's, and is named.
 * Both have each type that the library's API names, without which the packages of the other languages would not load.
 * With the newest, its own rules for templates are errors.
 */
function main(): void {
  mkdirSync(WORK, { recursive: true });
  const newest = newestVersions();
  const tarball = join(pack('js'), readdirSync(join(WORK, 'packages', 'js'))[0]);

  const templates = [FLOOR, newest].map(({ cdk, constructs }) => {
    const folder = join(WORK, `aws-cdk-lib-${cdk}`);
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, 'cdk.out'), { recursive: true, force: true });
    cpSync(join(ROOT, 'conformance', 'tools', 'everything.ts'), join(folder, 'everything.ts'));
    install(folder, tarball, [`aws-cdk-lib@${cdk}`, `constructs@${constructs}`]);
    synthesize(folder, 'everything.ts', cdk === newest.cdk ? { '@aws-cdk/core:validateAgainstDefaultRules': true } : {});
    checkTypes(folder);
    console.log(`aws-cdk-lib ${cdk} with constructs ${constructs}: compiles, synthesizes, has the types of the API`);
    return templateIn(folder, 'Everything').Resources as Resources;
  });
  compare(templates[0], templates[1]);

  if (!has('mvn') || !has('javac')) {
    console.log('java: LEFT OUT, this machine has no JDK with Maven');
    return;
  }
  // What is newest in Maven's own words, for it may be behind npm.
  const both = [FLOOR, { cdk: 'RELEASE', constructs: 'RELEASE' }];
  try {
    both.forEach(({ cdk, constructs }) => javaWith(cdk, constructs).fetch());
  } catch (error) {
    console.log(`java: LEFT OUT, its registry does not give what it needs: ${(error as Error).message}`);
    return;
  }
  const repository = pack('java');
  for (const { cdk, constructs } of both) {
    const classpath = readFileSync(join(javaWith(cdk, constructs).compile(repository), 'target', 'classpath'), 'utf8');
    console.log(`java: compiles against ${/aws-cdk-lib-[\d.]+\d/.exec(classpath)![0]}`);
  }
}

function newestVersions(): Versions {
  const view = (name: string) => JSON.parse(run('npm', ['view', `${name}@latest`, 'version', '--json'], { cwd: WORK })) as string;
  return { cdk: view('aws-cdk-lib'), constructs: view('constructs') };
}

function checkTypes(folder: string): void {
  const named = JSON.stringify(typesOf(folder, 'cdk-durable-storage')).matchAll(/"((?:aws-cdk-lib|constructs)\.[\w.]+)"/g);
  const known = { ...typesOf(folder, 'aws-cdk-lib'), ...typesOf(folder, 'constructs') };
  const missing = [...new Set([...named].map(([, name]) => name))].filter(name => !(name in known));
  if (missing.length > 0) { throw new Error(`the API names what ${folder} lacks: ${missing.join(', ')}`); }
}

/** Returns the types of an installed package's jsii assembly, by name. */
function typesOf(folder: string, name: string): Record<string, unknown> {
  const root = join(folder, 'node_modules', name);
  const assembly = JSON.parse(readFileSync(join(root, '.jsii'), 'utf8'));
  // A large assembly lies in another file.
  return assembly.filename ? JSON.parse(gunzipSync(readFileSync(join(root, assembly.filename))).toString()).types : assembly.types;
}

type Resources = Record<string, { readonly Type: string; readonly Properties?: unknown }>;

function compare(lowest: Resources, newest: Resources): void {
  const types = (resources: Resources) => Object.entries(resources).map(([id, { Type }]) => `${id} ${Type}`).sort();
  deepStrictEqual(types(newest), types(lowest), 'the newest aws-cdk-lib makes other resources of the same app');
  const others = Object.keys(lowest).filter(id => said(lowest[id]) !== said(newest[id]));
  const ours = others.filter(id => lowest[id].Type.startsWith('Custom::'));
  if (ours.length > 0) { throw new Error(`with the newest aws-cdk-lib, ${ours.join(', ')} have other properties`); }
  console.log(`both make the same ${Object.keys(lowest).length} resources; aws-cdk-lib itself changed ${others.join(', ') || 'nothing'}`);
}

/** But for the code of aws-cdk-lib's own functions. */
function said({ Properties }: Resources[string]): string {
  return JSON.stringify(Properties ?? {}).replace(/[0-9a-f]{64}/g, '<hash>');
}

main();
