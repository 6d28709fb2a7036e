import { mkdirSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

export const ROOT = resolve(__dirname, '..', '..');
/** All that the task leaves behind; git ignores it. */
const OUT = join(ROOT, 'conformance.out');
/** Programs from the package registries; kept, so that a second run is quick. */
export const TOOLS = join(OUT, 'tools');

/** An empty folder for one judge's files. */
export function workFolder(name: string): string {
  const folder = join(OUT, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** This process's environment without anything that leads to a real account or to a proxy, this package's programs first in the PATH. */
export function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS_|CDK_|PYTHON|npm_)|^(https?|all)_proxy$/i.test(name) || /^npm_config_/i.test(name));
  return {
    ...Object.fromEntries(kept),
    PATH: [join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter),
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    PYTHONDONTWRITEBYTECODE: '1',
    ...more,
  };
}
