import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { Transport } from './transport';
import { ENTRIES } from '../../../projenrc/entries';

const ROOT = resolve(__dirname, '..', '..', '..');

/** What takes the place of which module, and for whom. */
const REPLACED: readonly { readonly module: RegExp; readonly importer: RegExp; readonly by: string }[] = [
  { module: /^@smithy\/node-http-handler$/, importer: /^(?!.*bench)/, by: 'http-handler.ts' },
  { module: /^\.\/http-connection$/, importer: /lambda\/transfer\/http\/client\.ts$/, by: 'http-connection.ts' },
  { module: /^node:https$/, importer: /lambda\/shared\/answering\/response\.ts$/, by: 'https.ts' },
];

const replace: Plugin = {
  name: 'replace',
  setup({ onResolve }) {
    for (const { module, importer, by } of REPLACED) {
      onResolve({ filter: module }, args => importer.test(args.importer) ? { path: join(__dirname, by) } : undefined);
    }
  },
};

/** A function's code, which runs with globals of its own. */
export type Program = (
  module: object, exports: object, require: (name: string) => unknown, process: NodeJS.Process, date: typeof Date, math: typeof Math, console: object,
  transport: Transport,
) => void;

/** The code of functions, by the folder of their bundle: the same as in assets/, but that it calls a `Transport` where that opens connections. */
export class Code {
  /** Builds the functions of the bundles whose names match. */
  public static async of(names: RegExp): Promise<Code> {
    const code = new Code();
    for (const [name, entry] of Object.entries(ENTRIES)) {
      if (names.test(name)) { code.built.set(name, await built(entry)); }
    }
    return code;
  }

  private readonly shipped = new Map(Object.keys(ENTRIES).map(name => [readFileSync(join(ROOT, 'assets', name, 'index.js'), 'utf8'), name]));
  private readonly built = new Map<string, Program>();

  /** @param folder The folder of a function's code, as it was deployed. */
  public in(folder: string): Program {
    const name = this.shipped.get(readFileSync(join(folder, 'index.js'), 'utf8'));
    const program = this.built.get(name ?? '');
    if (!program) { throw new Error(`the simulation has not built the code in ${folder}: bundle again, and begin anew`); }
    return program;
  }
}

async function built(entry: string): Promise<Program> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    mainFields: ['module', 'main'],
    plugins: [replace],
    logLevel: 'warning',
  });
  return new Function('module', 'exports', 'require', 'process', 'Date', 'Math', 'console', 'transport', outputFiles[0].text) as Program;
}
