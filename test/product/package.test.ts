import { execFileSync } from 'child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join, relative, resolve } from 'path';

const root = resolve(__dirname, '..', '..');
const app = mkdtempSync(join(tmpdir(), 'consumer-'));
const installed = join(app, 'node_modules', 'cdk-durable-storage');

/** A user's app: the packed library, installed by npm, beside an aws-cdk-lib of its own. */
beforeAll(() => {
  if (!existsSync(join(root, 'lib', 'index.js')) || !existsSync(join(root, 'assets', 'ebs', 'index.js'))) {
    throw new Error('the library is not built; run: npx projen pre-compile && npx projen compile');
  }
  const npm = (cwd: string, ...args: string[]) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const [{ filename }] = JSON.parse(npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', app)) as [{ filename: string }];
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  npm(app, 'install', '--offline', '--no-audit', '--no-fund', '--legacy-peer-deps', `./${filename}`);
  mkdirSync(join(app, 'node_modules'), { recursive: true });
  for (const peer of ['aws-cdk-lib', 'constructs']) { symlinkSync(join(root, 'node_modules', peer), join(app, 'node_modules', peer)); }
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

test('a consumer app synthesizes, with the handlers that came in the package', () => {
  writeFileSync(join(app, 'disk.img'), Buffer.alloc(1024 * 1024));
  writeFileSync(join(app, 'app.js'), `
    const { App, Stack, aws_ec2: ec2, aws_s3: s3 } = require('aws-cdk-lib');
    const { DiskImage, FileSystem, SnapshotExport, SnapshotImport, TagSet, ThroughputCooldown } = require('cdk-durable-storage');
    const app = new App({ outdir: 'cdk.out' });
    const stack = new Stack(app, 'Consumer');
    const fileSystem = new FileSystem(stack, 'Files', {
      vpc: new ec2.Vpc(stack, 'Vpc'),
      throughputCooldown: ThroughputCooldown.DEFER,
    });
    new TagSet(stack, 'Tags', { fileSystem, tags: { team: 'storage' } });
    const snapshot = new SnapshotImport(stack, 'Image', { image: DiskImage.fromAsset('disk.img') });
    new SnapshotExport(stack, 'Export', { snapshot, bucket: s3.Bucket.fromBucketName(stack, 'Bucket', 'exports') });
    app.synth();
  `);
  execFileSync(process.execPath, ['app.js'], { cwd: app, stdio: ['ignore', 'pipe', 'pipe'] });

  const template = JSON.parse(readFileSync(join(app, 'cdk.out', 'Consumer.template.json'), 'utf8')) as { Resources: Record<string, any> };
  const types = Object.values(template.Resources).map(resource => resource.Type as string);
  expect(types).toEqual(expect.arrayContaining(['Custom::FileSystem', 'Custom::MountTargets', 'Custom::TagSet', 'Custom::SnapshotImport']));

  const handlers = readdirSync(join(app, 'cdk.out')).filter(name => name.startsWith('asset.') && existsSync(join(app, 'cdk.out', name, 'index.js')));
  const bundled = handlers.map(name => readFileSync(join(app, 'cdk.out', name, 'index.js'), 'utf8'));
  const folders = readdirSync(join(root, 'assets'), { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name);
  for (const name of folders.filter(folder => folder !== 'cli')) {
    expect(bundled).toContain(readFileSync(join(installed, 'assets', name, 'index.js'), 'utf8'));
  }
});

test('npm installs the command with it', () => {
  const help = execFileSync(join(app, 'node_modules', '.bin', 'cdk-durable-storage'), ['--help'], { encoding: 'utf8' });
  expect(help).toContain('cdk-durable-storage orphans [--region REGION] [--json]');
});

test('the package holds the library, its handlers and the papers, and no sources of them', () => {
  const top = readdirSync(installed).sort();
  expect(top).toEqual(['.jsii', 'API.md', 'LICENSE', 'NOTICE', 'README.md', 'assets', 'bin', 'lib', 'package.json'].sort());
});

test('it holds the compiled library and the bundles, and the licence of whatever is bundled', () => {
  const files = (folder: string) => readdirSync(join(installed, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile()).map(({ parentPath, name }) => relative(installed, join(parentPath, name)));
  expect(files('lib').filter(file => !/\.(js|d\.ts)$/.test(file) && file !== 'lib/.warnings.jsii.js')).toEqual([]);
  expect(files('assets').filter(file => !/^assets\/[a-z-]+\/index\.js$/.test(file))).toEqual(['assets/THIRD-PARTY-NOTICES.txt']);

  const notices = readFileSync(join(installed, 'assets', 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const name of ['@aws-sdk/client-ebs', '@aws-sdk/client-efs', '@smithy/core', 'bowser']) { expect(notices).toContain(`${name} `); }
  const licences = [...notices.matchAll(/^\S+ \d\S* \((.+)\)$/gm)].map(([, licence]) => licence);
  expect(licences.length).toBeGreaterThan(20);
  // The ones that let everybody pass them on like this.
  expect(new Set(licences)).toEqual(new Set(['Apache-2.0', 'MIT']));
});
