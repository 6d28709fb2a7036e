import { spawnSync } from 'child_process';
import { existsSync, readdirSync, readFileSync } from 'fs';
import { dirname, join, relative, resolve } from 'path';
import { loadESLint } from 'eslint';
import { ROOMS, zones, type Zone } from '../../projenrc/rooms';

const root = resolve(__dirname, '..', '..');
const RULE = 'import/no-restricted-paths';
const BUILT_INS = 'import/no-nodejs-modules';

/** Lints with these rules, as `.eslintrc.json` sets them for all files and for some. */
async function refusals(file: string, code: string): Promise<string[]> {
  const { rules, settings, overrides } = JSON.parse(readFileSync(join(root, '.eslintrc.json'), 'utf8').replace(/^\/\/.*$/m, ''));
  const builtIns = overrides.filter((override: { rules: object }) => BUILT_INS in override.rules);
  const ESLint = await loadESLint({ useFlatConfig: false });
  const eslint = new ESLint({
    cwd: root,
    useEslintrc: false,
    overrideConfig: { parser: '@typescript-eslint/parser', plugins: ['import'], settings, rules: { [RULE]: rules[RULE] }, overrides: builtIns } as any,
  });
  const [{ messages }] = await eslint.lintText(code, { filePath: join(root, file) });
  return messages.map(({ message }) => message);
}

/** A file of each room that another may be forbidden to import. */
const FILES = ['src/index.ts', 'lambda/shared/log.ts', 'world/emulator/clock.ts', 'projenrc/rooms.ts', 'test/mutants/mutant.ts'];

const isIn = (file: string, folder: string) => !relative(folder, file).startsWith('..');

function importThatIsRefused({ target, from, except }: Zone): { readonly file: string; readonly specifier: string } {
  const file = target.replace(/^\.\//, '').replace(/\/\*\.ts$/, '') + '/probe.ts';
  if (from.startsWith('./node_modules/')) { return { file, specifier: from.slice('./node_modules/'.length) }; }
  const forbidden = FILES.find(path => !except.some(allowed => isIn(path, allowed.slice(2))))!;
  const specifier = relative(dirname(file), forbidden).replace(/\.ts$/, '');
  return { file, specifier };
}

test.each(zones().map(zone => [`${zone.target} from ${zone.from}`, zone] as const))('lint refuses a forbidden import in the zone %s', async (_, zone) => {
  const { file, specifier } = importThatIsRefused(zone);
  expect(await refusals(file, `import type * as forbidden from '${specifier}';\nexport type { forbidden };\n`)).toEqual([expect.stringContaining(zone.message)]);
});

test('lint lets a room import what the table names', async () => {
  expect(await refusals('lambda/transfer/import/probe.ts', "export { BLOCK_SIZE } from '../blocks/sizes';\nexport { log } from '../../shared/log';\n")).toEqual([]);
});

test('lint refuses a built-in module of Node.js in src/contract, and only there', async () => {
  const code = "import { readFileSync } from 'node:fs';\nexport { readFileSync };\n";
  expect(await refusals('src/contract/probe.ts', code)).toEqual([expect.stringContaining('node:fs')]);
  expect(await refusals('src/private/functions/probe.ts', code)).toEqual([]);
});

test('the table names every room', () => {
  const folders = (folder: string, depth: number): string[] => depth === 0 ? [folder] : readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
  const rooms = [
    ...folders('src', 1).filter(name => name !== 'src/private'), ...folders('src/private', 1),
    ...folders('lambda', 1).filter(name => !/transfer|efs/.test(name)), ...folders('lambda/transfer', 1), ...folders('lambda/efs', 1),
    ...folders('test', 1),
  ];
  expect(Object.keys(ROOMS)).toEqual(expect.arrayContaining(rooms));
  for (const room of Object.keys(ROOMS)) { expect(existsSync(join(root, room.replace(/\/\*$/, '')))).toBe(true); }
});

test('no file of src, lambda or world imports itself by way of others, types included', () => {
  const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs');
  const { stdout } = spawnSync(process.execPath, [program, '--config', 'projenrc/circles.json', '--output-type', 'json', 'src', 'lambda', 'world'], {
    cwd: root, encoding: 'utf8', maxBuffer: 1024 ** 3,
  });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; to: string }[]; totalCruised: number } };
  expect(summary.totalCruised).toBeGreaterThan(200);
  expect(summary.violations.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});
