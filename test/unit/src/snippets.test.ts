import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join, resolve } from 'path';
import { App, type Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as efs from 'aws-cdk-lib/aws-efs';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import * as library from '../../../src';
import { CDK_INIT_FLAGS, synthesized } from '../../harness/feature-flags';
import { ENV } from '../../harness/given';

const root = resolve(__dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const DOCUMENTS = ['README.md', ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)];

const snippets = DOCUMENTS.flatMap(document => [...read(document).matchAll(/^```ts\n(.*?)^```/gms)].map(([, code], index) => ({
  name: `${document} ${index + 1}: ${/new (\w+)\(/.exec(code)?.[1] ?? code.split('\n')[0]}`, code,
})));

/** Makes what snippets declare only, by type. */
const GIVEN: Record<string, (scope: Construct, id: string) => unknown> = {
  'ec2.IVpc': (scope, id) => new ec2.Vpc(scope, id),
  'ec2.Instance': (scope, id) => new ec2.Instance(scope, id, {
    vpc: new ec2.Vpc(scope, `${id}Vpc`),
    instanceType: new ec2.InstanceType('t4g.nano'),
    machineImage: ec2.MachineImage.genericLinux({ [ENV.region]: 'ami-0123456789' }),
  }),
  's3.IBucket': (scope, id) => new s3.Bucket(scope, id),
  'kms.IKey': (scope, id) => new kms.Key(scope, id),
  'FileSystem': (scope, id) => new library.FileSystem(scope, id, { vpc: new ec2.Vpc(scope, `${id}Vpc`) }),
  'efs.IFileSystem': (scope, id) => efs.FileSystem.fromFileSystemAttributes(scope, id, {
    fileSystemId: 'fs-0123456789abcdef0', securityGroup: ec2.SecurityGroup.fromSecurityGroupId(scope, `${id}Group`, 'sg-0123456789abcdef0'),
  }),
  'ISnapshot': (scope, id) => library.Snapshot.fromSnapshotId(scope, id, `snap-${Buffer.from(id).toString('hex').slice(-17)}`),
  'SnapshotImport': (scope, id) => new library.SnapshotImport(scope, id, { image: library.DiskImage.fromAsset('disk.img') }),
  'SnapshotExport': (scope, id) => new library.SnapshotExport(scope, id, {
    snapshot: library.Snapshot.fromSnapshotId(scope, `${id}Of`, 'snap-0123456789abcdef0'), bucket: new s3.Bucket(scope, `${id}To`),
  }),
};

/** Runs a snippet in the constructor of a stack, as `rosetta/default.ts-fixture` has it. */
function play(code: string, app: App): Stack {
  const make = (text: string, isUsed: (name: string) => boolean) => text.replace(/^ *declare const (\w+): ([\w.]+);$/gm,
    (_, name: string, type: string) => isUsed(name) ? `const ${name} = given['${type}'](this, 'Given-${name}');` : '');
  const fixture = read('rosetta/default.ts-fixture');
  const imports = fixture.slice(0, fixture.indexOf('declare const'));
  const declarations = fixture.match(/^declare const .*$/gm)!.join('\n');
  const program = `${imports}
export class Snippet extends Stack {
  constructor(scope: any, id: string, props: any) {
    super(scope, id, props);
    ${make(declarations, name => new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`const ${name}\\b`).test(code))}
    { ${make(code, () => true)} }
  }
}`;
  const { outputText } = transpileModule(program, { compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 } });
  const loaded: { Snippet?: new (app: App, id: string, props: object) => Stack } = {};
  const load = (name: string): unknown => name === 'cdk-durable-storage' ? library : jest.requireActual(name);
  new Function('exports', 'require', 'given', outputText)(loaded, load, GIVEN);
  return new loaded.Snippet!(app, 'Snippet', { env: ENV });
}

/** Files that snippets name. */
const FILES = ['disk.img', 'build/disk.img'];
const folder = mkdtempSync(join(tmpdir(), 'snippets-'));
const before = process.cwd();
beforeAll(() => {
  mkdirSync(join(folder, 'build'));
  FILES.forEach(name => writeFileSync(join(folder, name), Buffer.alloc(2 ** 20)));
  process.chdir(folder);
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

describe.each([
  ['without feature flags', {}],
  ['with the feature flags that `cdk init` writes', CDK_INIT_FLAGS],
])('%s', (_which, context) => {
  test.each(snippets)('synthesizes $name', ({ code }) => {
    const app = new App({ context, analyticsReporting: false });
    play(code, app);
    synthesized(app);
  });
});
