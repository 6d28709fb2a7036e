import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { ENTRIES } from './entries';

/**
 * Bundles what runs in the user's account, each entry of lambda/ with all that
 * it needs, the SDK too, to assets/<name>/index.js, where the constructs find it;
 * and the command, which bin/cdk-durable-storage finds there.
 */
const root = resolve(__dirname, '..');
const assets = join(root, 'assets');

async function main(): Promise<void> {
  const notices = new Map<string, string>();
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const result = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile: join('assets', name, 'index.js'),
      bundle: true,
      platform: 'node',
      // Functions run on the newest Node.js, the command on the user's.
      target: name === 'cli' ? 'node20' : 'node24',
      format: 'cjs',
      // The SDK's ES modules leave out what is not used: two thirds of the size, half the cold start.
      mainFields: ['module', 'main'],
      minify: true,
      legalComments: 'none',
      plugins: [plainKeys],
      metafile: true,
      logLevel: 'warning',
    });
    checkBoundary(name, result.metafile);
    collectNotices(result.metafile, notices);
    console.log(`${name.padEnd(18)} ${(Object.values(result.metafile.outputs)[0].bytes / 1000).toFixed(0).padStart(6)} kB`);
  }
  for (const folder of readdirSync(assets, { withFileTypes: true })) {
    if (folder.isDirectory() && !(folder.name in ENTRIES)) { rmSync(join(assets, folder.name), { recursive: true }); }
  }
  writeFileSync(join(assets, 'THIRD-PARTY-NOTICES.txt'), [...notices].sort().map(([, text]) => text).join('\n\n'));
}

/**
 * The SDK's schemas name their keys by constants, `{ [_xN]: … }`. esbuild cannot know that these have no side effect, and keeps every
 * schema of the service. With the constants written out, `{ ["xmlName"]: … }`, it keeps those of our calls: 0.5 MB less of EC2.
 */
const plainKeys: Plugin = {
  name: 'plain-keys',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@aws-sdk[\\/].*[\\/]schemas_0\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const constants = new Map([...text.matchAll(/^const (_\w+) = (".*");$/gm)].map(([, name, value]) => [name, value]));
      return { contents: text.replace(/\[(_\w+)\]:/g, (all, name: string) => constants.has(name) ? `[${constants.get(name)}]:` : all) };
    });
  },
};

/** One stray import of aws-cdk-lib would make a bundle of 40 MB; of src, nothing but the contract may come along. */
function checkBoundary(name: string, { inputs }: Metafile): void {
  const stray = Object.keys(inputs).filter(path =>
    /node_modules\/(aws-cdk-lib|constructs)\//.test(path)
    || (path.startsWith('src/') && !path.startsWith('src/contract/'))
    || /^(test|world)\//.test(path));
  if (stray.length > 0) { throw new Error(`bundle ${name} must not hold ${stray.slice(0, 5).join(', ')}`); }
}

function collectNotices({ inputs }: Metafile, notices: Map<string, string>): void {
  for (const path of Object.keys(inputs)) {
    const folder = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (folder === undefined || notices.has(folder)) { continue; }
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, string>;
    const papers = readdirSync(join(root, folder)).filter(file => /^(licen[cs]e|notice)(\.|$)/i.test(file)).sort();
    const texts = papers.map(file => readFileSync(join(root, folder, file), 'utf8').trim());
    // Some packages only name their licence.
    if (texts.length === 0) { texts.push(`The package holds no text of its licence, ${license}.`); }
    notices.set(folder, [`${name} ${version} (${license})`, ...texts].join('\n\n'));
  }
}

main().catch(error => { console.error(error); process.exitCode = 1; });
