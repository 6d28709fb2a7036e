import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { dirname, join, resolve } from 'path';
import { run } from './shell';

export const ROOT = resolve(__dirname, '..', '..', '..');

/**
 * Where packages and consumers are built; git ignores it, and what registries gave stays there for the next time.
 * Hidden, for jsii-docgen takes the newest aws-cdk-lib that it finds in the folders below, and does not look into hidden ones.
 */
export const WORK = join(ROOT, '.consumers.out');

const { version, peerDependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
export const LIBRARY_VERSION: string = version;

export interface Versions {
  readonly cdk: string;
  readonly constructs: string;
}

/** The lowest that the library takes. */
export const FLOOR: Versions = {
  cdk: (peerDependencies['aws-cdk-lib'] as string).slice(1),
  constructs: (peerDependencies.constructs as string).slice(1),
};

/** The version that the library is compiled with. */
export const OURS: Versions = { cdk: devDependencies['aws-cdk-lib'], constructs: devDependencies.constructs };

export type Target = 'js' | 'python' | 'java' | 'go' | 'dotnet';

/** Builds the package of one language into `.consumers.out/packages/<target>`. */
export function pack(target: Target, codeOnly = false): string {
  const folder = join(WORK, 'packages', target);
  rmSync(folder, { recursive: true, force: true });
  run('jsii-pacmak', ['--target', target, '--outdir', dirname(folder), '--force', '--no-npmignore', ...codeOnly ? ['--code-only'] : []], { cwd: ROOT });
  return folder;
}

/** A copy of a consumer, to be built where nothing is committed. */
export function copyOf(consumer: string, name = consumer): string {
  const folder = join(WORK, name);
  mkdirSync(folder, { recursive: true });
  cpSync(join(__dirname, consumer), folder, { recursive: true });
  rmSync(join(folder, 'cdk.out'), { recursive: true, force: true });
  return folder;
}

/** Installs the packed library in a copy of the TypeScript consumer, beside the aws-cdk-lib of this repository. */
export function installBesideOurs(folder: string, tarball: string): void {
  install(folder, tarball);
  for (const peer of ['aws-cdk-lib', 'constructs']) { link(folder, join(ROOT, 'node_modules', peer), peer); }
}

/** As `npm install` does it; what is not in the tarball comes from `peers`. */
export function install(folder: string, tarball: string, peers: string[] = []): void {
  rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'commonjs' }));
  run('npm', [
    'install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline',
    ...peers.length > 0 ? peers : ['--offline', '--legacy-peer-deps'], tarball,
  ], { cwd: folder });
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true });
  link(folder, join(ROOT, 'node_modules', '@types', 'node'), '@types/node');
}

function link(folder: string, target: string, name: string): void {
  symlinkSync(target, join(folder, 'node_modules', name));
}

/** Environment variables that an app of the CDK reads in every language. */
export function appEnvironment(folder: string, context: Record<string, unknown>): Record<string, string> {
  return { CDK_OUTDIR: join(folder, 'cdk.out'), CDK_CONTEXT_JSON: JSON.stringify(context) };
}

/** Compiles a consumer as strictly as `cdk init` has it, the library's own declarations too, and synthesizes it. */
export function synthesize(folder: string, file: string, context: Record<string, unknown> = {}): void {
  run('tsc', [
    '--ignoreConfig', '--strict', '--target', 'es2022', '--module', 'node16', '--moduleResolution', 'node16', '--types', 'node', '--outDir', 'js', file,
  ], { cwd: folder });
  run(process.execPath, [join('js', file.replace(/\.ts$/, '.js'))], {
    cwd: folder, env: appEnvironment(folder, context),
  });
}

export function templateIn(folder: string, stack = 'Consumer'): any {
  return JSON.parse(readFileSync(join(folder, 'cdk.out', `${stack}.template.json`), 'utf8'));
}
