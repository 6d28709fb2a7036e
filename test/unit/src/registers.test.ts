import { globSync, readFileSync } from 'fs';
import { join, resolve } from 'path';
import { Construct } from 'constructs';
import * as library from '../../../src';
import { EBS_RESOURCE_TYPES, EFS_RESOURCE_TYPES } from '../../../src/contract/resource-types';

const ROOT = resolve(__dirname, '..', '..', '..');
const CONSTRUCTS = Object.entries(library)
  .filter(([, exported]) => typeof exported === 'function' && exported.prototype instanceof Construct).map(([name]) => name);
const TYPES: readonly string[] = [...EFS_RESOURCE_TYPES, ...EBS_RESOURCE_TYPES];

/** Every place where a new resource has to be entered by hand. */
const REGISTERS: {
  readonly name: string;
  readonly files: string[];
  readonly entries: readonly string[];
  /** What stands in one of the files if an entry is there. */
  readonly mention: (entry: string) => RegExp;
  /** Entries that are left out on purpose, with the reason. */
  readonly exceptions?: Record<string, string>;
}[] = [
  { name: 'a construct that defines it', files: ['src/{efs,ebs}/*.ts'], entries: TYPES, mention: type => new RegExp(`'${type}'`) },
  { name: 'a handler', files: ['lambda/efs/handlers.ts', 'lambda/ebs/handlers.ts'], entries: TYPES, mention: type => new RegExp(`'${type}':`) },
  { name: 'a life without each permission', files: ['conformance/judges/permissions/*-lives.ts'], entries: TYPES, mention: type => new RegExp(`'${type}':`) },
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
];

function made(name: string): RegExp {
  return new RegExp(`new ${name}\\(`);
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

test.each(REGISTERS.map(register => [register.name, register] as const))('every resource has %s', (_name, register) => {
  expect(missingIn(register)).toEqual([]);
});
