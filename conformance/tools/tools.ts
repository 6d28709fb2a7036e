import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { TOOLS } from './folders';
import { output } from './processes';
import { Unavailable } from './report';

/**
 * Where the judges come from. The versions are fixed, so that a verdict is
 * about us and not about yesterday's release; what they depend on is not.
 */
const PYTHON = {
  'cfn-lint': ['cfn-lint==1.58.0'],
  'policy_sentry': ['policy_sentry==0.15.2'],
  'boto3': ['boto3==1.44.5'],
  'moto': ['moto[server,efs,ec2,s3,ebs]==5.2.5'],
  'ministack': ['ministack==1.5.33'],
} satisfies Record<string, string[]>;
const COLDSNAP = '0.12.0';
const VERSITYGW = '1.8.0';

/** The version that is used of a judge. */
export function version(name: keyof typeof PYTHON | 'coldsnap' | 'versitygw'): string {
  switch (name) {
    case 'coldsnap': return COLDSNAP;
    case 'versitygw': return VERSITYGW;
    default: return PYTHON[name][0].split('==')[1];
  }
}

/** The programs' folder of a Python environment that holds just this judge. */
export async function python(name: keyof typeof PYTHON): Promise<string> {
  const folder = join(TOOLS, name);
  await once(folder, PYTHON[name].join(' '), async () => {
    // The mirror of a proxy may be set in the environment; pip and venv see it.
    await output('python3', ['-m', 'venv', folder], { minutes: 5 });
    await output(join(folder, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', ...PYTHON[name]], { minutes: 8 });
  });
  return join(folder, 'bin');
}

/** What rustc was seen to take for the SDK for EC2, and room for all else. */
const MEMORY_FOR_CARGO = 8 * 1024 ** 3;

/** coldsnap, built without optimization: compiling the SDK for EC2 takes minutes as it is. */
export async function coldsnap(): Promise<string> {
  const folder = join(TOOLS, 'coldsnap');
  await once(folder, COLDSNAP, async () => {
    if (freemem() < MEMORY_FOR_CARGO) { throw new Unavailable('its build takes more memory than is free'); }
    // Beside other judges, which have deadlines.
    const target = join(folder, 'target');
    const install = ['cargo', 'install', 'coldsnap', '--version', COLDSNAP, '--locked', '--debug', '--root', folder, '--target-dir', target];
    await output('nice', ['-n', '19', ...install], { minutes: 12, env: { ...process.env, CARGO_PROFILE_DEV_DEBUG: '0', CARGO_INCREMENTAL: '0' } });
    rmSync(target, { recursive: true, force: true });
  });
  return join(folder, 'bin', 'coldsnap');
}

/** versitygw, an S3 over a folder. Its build takes two minutes of one core. */
export async function versitygw(): Promise<string> {
  const folder = join(TOOLS, 'versitygw');
  await once(folder, VERSITYGW, async () => {
    await output('go', ['version']);
    // One package at a time, because other judges run meanwhile and have deadlines.
    const env = { ...process.env, GOBIN: folder, GOFLAGS: '-p=1' };
    await output('nice', ['-n', '19', 'go', 'install', `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`], { minutes: 12, env });
  });
  return join(folder, 'versitygw');
}

/** Programs of Debian's that are not on every machine, and what they need beside what every machine has. */
const DEBIAN = {
  'qemu-utils': { program: 'qemu-img', packages: ['qemu-utils', 'libaio1', 'liburing2', 'libfuse3-3', 'libnuma1'] },
  'e2fsprogs': { program: 'mke2fs', packages: ['e2fsprogs', 'libext2fs2', 'libcom-err2', 'libss2'] },
};

/** The folder of a program: where the machine has it, or else where the package was unpacked; no rights are needed for that. */
export async function debian(name: keyof typeof DEBIAN): Promise<string> {
  const { program, packages } = DEBIAN[name];
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    if (existsSync(join(folder, program))) { return folder; }
  }
  const folder = join(TOOLS, name);
  const bin = join(folder, 'wrapped');
  await once(folder, packages.join(' '), async () => {
    await output('apt-get', ['download', '-q', ...packages], { cwd: folder, minutes: 5 });
    for (const file of globSync('*.deb', { cwd: folder })) { await output('dpkg', ['-x', file, '.'], { cwd: folder }); }
    mkdirSync(bin);
    // Each with the libraries that came with it.
    for (const file of globSync('{usr/,}{bin,sbin}/*', { cwd: folder })) {
      writeFileSync(join(bin, basename(file)),
        `#!/bin/sh\nLD_LIBRARY_PATH=$(echo ${folder}/usr/lib/*-linux-gnu | tr ' ' ':'):$(echo ${folder}/lib/*-linux-gnu | tr ' ' ':') exec ${join(folder, file)} "$@"\n`, { mode: 0o755 });
    }
    await output(join(bin, program), ['-V']);
  });
  return bin;
}

/** Makes something once, and again when it is to be made of something else. What fails, fails as unavailable. */
async function once(folder: string, recipe: string, make: () => Promise<void>): Promise<void> {
  const stamp = join(folder, '.made-of');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === recipe) { return; }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  console.log(`  … ${recipe}`);
  try {
    await make();
  } catch (error) {
    throw new Unavailable((error as NodeJS.ErrnoException).code === 'ENOENT' ? `there is no ${(error as NodeJS.ErrnoException).path}` : (error as Error).message);
  }
  writeFileSync(stamp, recipe);
}
