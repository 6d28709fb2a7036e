import { mkdirSync, readdirSync } from 'fs';
import { join } from 'path';
import { isDeepStrictEqual } from 'util';
import { LANGUAGES } from './languages';
import { copyOf, installBesideOurs, pack, synthesize, templateIn, WORK } from './packed';
import { has } from './shell';
import { CDK_INIT_FLAGS } from '../../harness/feature-flags';

/**
 * Packs the library for each language, installs it as that language does, and
 * synthesizes the same app under the feature flags of `cdk init`: all templates must be equal. A language whose tools
 * or registry this machine lacks is named and left out, unless it was asked for:
 *
 *     npx projen consumers            whatever the machine can
 *     npx projen consumers python     that one, or fail
 */
function main(wanted: string[]): void {
  for (const name of wanted) {
    if (!(name in LANGUAGES)) { throw new Error(`there is no consumer in '${name}', only in ${Object.keys(LANGUAGES).join(', ')}`); }
  }
  mkdirSync(WORK, { recursive: true });

  const tarball = join(pack('js'), readdirSync(join(WORK, 'packages', 'js'))[0]);
  const typescript = copyOf('typescript');
  installBesideOurs(typescript, tarball);
  synthesize(typescript, 'app.ts', CDK_INIT_FLAGS);
  const expected = templateIn(typescript);
  say('typescript', `${Object.keys(expected.Resources).length} resources`);

  for (const [name, language] of Object.entries(LANGUAGES)) {
    if (wanted.length > 0 && !wanted.includes(name)) { continue; }
    const missing = language.tools.filter(tool => !has(tool));
    if (missing.length > 0) {
      leaveOut(name, `this machine has no ${missing.join(', ')}`, wanted);
      continue;
    }
    try {
      language.fetch();
    } catch (error) {
      leaveOut(name, `its registry does not give what it needs: ${(error as Error).message}`, wanted);
      continue;
    }
    const { Resources: resources, ...rest } = templateIn(language.synthesize());
    const { Resources: expectedResources, ...expectedRest } = expected;
    const differ = Object.keys({ ...expectedResources, ...resources }).filter(id => !isDeepStrictEqual(resources[id], expectedResources[id]));
    if (differ.length > 0 || !isDeepStrictEqual(rest, expectedRest)) {
      throw new Error(`the template of ${name} is not that of typescript, compare in ${WORK}: ${differ.join(', ') || 'what is not resources'}`);
    }
    say(name, 'the same template');
  }

  if (wanted.length > 0) { return; }
  const dotnet = pack('dotnet', !has('dotnet'));
  say('dotnet', `${has('dotnet') ? 'packaged' : 'this machine has no dotnet: its code is generated, not compiled'} (${readdirSync(dotnet).join(', ')})`);
}

function leaveOut(name: string, why: string, wanted: string[]): void {
  if (wanted.includes(name)) { throw new Error(`${name}: ${why}`); }
  say(name, `LEFT OUT: ${why}`);
}

function say(name: string, what: string): void {
  console.log(`${name.padEnd(12)}${what}`);
}

main(process.argv.slice(2));
