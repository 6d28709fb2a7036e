import { readdirSync, readFileSync } from 'fs';
import { join, resolve } from 'path';
import { Size, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DRAWINGS, svg } from '../../projenrc/drawings';
import { DiskImage, FileSystem, SnapshotImport } from '../../src';
import { policiesIn } from '../harness/policies';

const root = resolve(__dirname, '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** All source, with texts as they are said: parts that `+` joins are one, and quotes are not escaped. */
const source = ['src', 'lambda'].flatMap(folder => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts')).map(file => read(join(folder, file)))).join('\n')
  .replace(/['"`]\s*\+\s*['"`]/g, '').replace(/\\'/g, "'");

const quoted = [...read('docs/errors.md').matchAll(/^\*\*`(.+?)`\*\*/gms)].map(([, text]) => text);

/** A file of this repository, by its path or the end of it. docs/drop-in.md names files of aws-cdk. */
const NAMED_FILE = /`([\w./-]+\.(?:ts|cjs|sh|py))`/g;

test('errors.md quotes errors', () => {
  expect(quoted.length).toBeGreaterThan(20);
});

test.each(quoted)('it can be said: %s', text => {
  const parts = text.split('…').map(part => part.trim()).filter(part => part.length > 3);
  expect(parts.length).toBeGreaterThan(0);
  for (const part of parts) { expect(source).toContain(part); }
});

test.each([1, 100, 1000])('cost.md says what the estimate says of %d GiB', gibibytes => {
  const estimate = SnapshotImport.estimate({ size: Size.gibibytes(gibibytes) });
  const dollars = (amount: number) => `$${amount.toFixed(4)}`;
  expect(read('docs/cost.md')).toContain(`| ${[
    `${gibibytes} GiB`, estimate.puts, estimate.gets,
    dollars(estimate.ebsDollars), dollars(estimate.lambdaDollars), dollars(estimate.stepFunctionsDollars), dollars(estimate.dollars),
    `${estimate.duration.toSeconds()} s`,
  ].join(' | ')} |`);
});

test('cost.md has the prices of the estimate', () => {
  const [thousandPuts, thousandGets, lambdaGibibyteSecond, thousandTransitions] =
    ['1,000 blocks written', '1,000 blocks read', '1 GiB-second of Lambda', '1,000 transitions'].map(what =>
      Number(new RegExp(`^\\| ${what} \\| \\$([\\d.]+) \\|`, 'm').exec(read('docs/cost.md'))![1]));
  const size = Size.gibibytes(1000);
  const prices = { thousandPuts, thousandGets, lambdaGibibyteSecond, thousandTransitions };
  expect(SnapshotImport.estimate({ size, prices })).toEqual(SnapshotImport.estimate({ size }));
});

test('functions.md names all that is done with keys', () => {
  const stack = new Stack();
  const kmsKey = new kms.Key(stack, 'Key');
  new FileSystem(stack, 'Files', { vpc: new ec2.Vpc(stack, 'Vpc'), kmsKey });
  const bucket = s3.Bucket.fromBucketAttributes(stack, 'Images', { bucketName: 'images', encryptionKey: kmsKey });
  new SnapshotImport(stack, 'Image', { image: DiskImage.fromBucket(bucket, 'disk.img'), kmsKey });

  const statements = policiesIn(Template.fromStack(stack).toJSON()).flatMap(({ document }) => document.Statement);
  const actions = new Set(statements.flatMap(({ Action }) => Action).filter(action => action.startsWith('kms:')));
  expect(actions.size).toBeGreaterThanOrEqual(6);
  for (const action of actions) { expect(read('docs/functions.md')).toContain(action); }
});

test('every test and source file that the documents name exists', () => {
  const files = ['src', 'lambda', 'world', 'test', 'demo', 'examples', 'bench', 'conformance', 'projenrc'].flatMap(folder =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(file => `/${folder}/${file}`));
  files.push('/.projenrc.ts');
  const documents = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).filter(file => file.endsWith('.md')).map(file => `docs/${file}`)];
  const named = documents.filter(document => document !== 'docs/drop-in.md').flatMap(document => [...read(document).matchAll(NAMED_FILE)].map(([, name]) => name));
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(name => !files.some(file => file.endsWith(`/${name}`)))).toEqual([]);
});

test.each(Object.entries(DRAWINGS))('%s.svg is as it is drawn', (name, drawing) => {
  expect(read(`docs/${name}.svg`)).toBe(svg(drawing));
});
