import { globSync, readFileSync } from 'fs';
import { join, resolve } from 'path';
import { Construct } from 'constructs';
import * as library from '../../../src';
import { DISK_IMAGE_FORMATS } from '../../../src/contract/disk-image-format';
import { EBS_RESOURCE_TYPES, EFS_RESOURCE_TYPES } from '../../../src/contract/resource-types';

const ROOT = resolve(__dirname, '..', '..', '..');
const CONSTRUCTS = Object.entries(library)
  .filter(([, exported]) => typeof exported === 'function' && exported.prototype instanceof Construct).map(([name]) => name);
const TYPES: readonly string[] = [...EFS_RESOURCE_TYPES, ...EBS_RESOURCE_TYPES];
/** Formats with a reader of their own. */
const FORMATS = DISK_IMAGE_FORMATS.filter(format => format !== 'AUTO' && format !== 'RAW');

/** Every place where a new resource or format has to be entered by hand, unless the compiler finds it: the tables of handlers, lives and readers. */
const REGISTERS: {
  readonly name: string;
  readonly files: string[];
  readonly entries: readonly string[];
  /** Matches the text of one of the files if the entry is there. */
  readonly mention: (entry: string) => RegExp;
  /** Entries that are left out on purpose, with the reason. */
  readonly exceptions?: Record<string, string>;
}[] = [
  { name: 'a construct that defines it', files: ['src/{efs,ebs}/*.ts'], entries: TYPES, mention: type => new RegExp(`'${type}'`) },
  { name: 'an instance in the app with everything', files: ['conformance/tools/everything.ts'], entries: CONSTRUCTS, mention: made },
  {
    name: 'an integration test',
    files: ['test/product/integ/integ.*.ts'],
    entries: CONSTRUCTS,
    mention: made,
    exceptions: { ReplicationConfiguration: 'it leaves a file system in another Region that no stack deletes' },
  },
  { name: 'a page that describes it', files: ['README.md', 'docs/*.md'], entries: CONSTRUCTS, mention: name => new RegExp(`\\b${name}\\b`) },
  { name: 'a section in API.md', files: ['API.md'], entries: CONSTRUCTS, mention: name => new RegExp(`^### ${name} <a`, 'm') },
  { name: 'a row in docs/formats.md', files: ['docs/formats.md'], entries: FORMATS, mention: format => new RegExp(`^\\| ${format}\\b`, 'im') },
  {
    name: 'an image by another program',
    files: ['test/harness/formats/fixtures/{raws,xz}.txt'],
    entries: FORMATS,
    mention: extension,
    exceptions: { GZIP: 'streams.test.ts compresses with Node', ZSTD: 'streams.test.ts compresses with Node' },
  },
  {
    name: 'a mutated image',
    files: ['test/campaigns/formats/fuzz.ts'],
    entries: FORMATS,
    mention: extension,
    exceptions: { GZIP: 'only a stream, which Node decompresses', ZSTD: 'its image is made by the file itself, and ends in .zst' },
  },
];

function made(name: string): RegExp {
  return new RegExp(`new ${name}\\(`);
}

/** The end of a file's name: `.qcow2`. */
function extension(format: string): RegExp {
  return new RegExp(`\\.${format}\\b`, 'i');
}

function missingIn({ files, entries, mention, exceptions = {} }: (typeof REGISTERS)[number]): string[] {
  const paths = files.flatMap(pattern => globSync(pattern, { cwd: ROOT })).filter(path => !path.includes('.snapshot'));
  const text = paths.map(path => readFileSync(join(ROOT, path), 'utf8')).join('\n');
  const missing = entries.filter(entry => !mention(entry).test(text));
  const stale = Object.keys(exceptions).filter(entry => !missing.includes(entry));
  expect(stale).toEqual([]);
  return missing.filter(entry => !(entry in exceptions));
}

test('the constructs are found in src/index.ts', () => {
  expect(CONSTRUCTS.length).toBeGreaterThanOrEqual(10);
});

test.each(CONSTRUCTS)('the type of %s is named after it, and is in the contract', name => {
  expect(TYPES).toContain(`Custom::${name}`);
});

test.each(REGISTERS.map(register => [register.name, register] as const))('all have %s', (_name, register) => {
  expect(missingIn(register)).toEqual([]);
});
