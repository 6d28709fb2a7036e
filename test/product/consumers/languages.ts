import { rmSync, writeFileSync } from 'fs';
import { homedir } from 'os';
import { join } from 'path';
import { appEnvironment, copyOf, LIBRARY_VERSION, OURS, pack, WORK } from './packed';
import { run } from './shell';
import { CDK_INIT_FLAGS } from '../../harness/feature-flags';

/** How a language gets at the library, and at aws-cdk-lib. */
export interface Language {
  /** The programs that it takes. */
  readonly tools: string[];
  /** Asks the language's registry for what everything else needs. If that fails, the machine is at fault, not the library. */
  fetch(): void;
  /** Packs the library, installs it in the consumer, and synthesizes that. Returns the folder that holds `cdk.out`. */
  synthesize(): string;
}

const environment = (folder: string) => appEnvironment(folder, CDK_INIT_FLAGS);

const python: Language = {
  tools: ['python3'],
  fetch() {
    const folder = copyOf('python');
    run('python3', ['-m', 'venv', 'venv'], { cwd: folder });
    // The second line is what jsii-pacmak builds a wheel with.
    writeFileSync(join(folder, 'requirements.txt'), `aws-cdk-lib==${OURS.cdk}\nconstructs==${OURS.constructs}\n`);
    run('venv/bin/pip', ['install', '--quiet', '--requirement', 'requirements.txt'], { cwd: folder });
    run('venv/bin/pip', ['download', '--quiet', '--no-deps', '--dest', 'build-tools', 'setuptools~=75.3', 'build', 'twine'], { cwd: folder });
  },
  synthesize() {
    const packages = pack('python');
    const folder = join(WORK, 'python');
    const wheel = join(packages, `cdk_durable_storage-${LIBRARY_VERSION}-py3-none-any.whl`);
    run('venv/bin/pip', ['install', '--quiet', '--force-reinstall', '--no-deps', wheel], { cwd: folder });
    run('venv/bin/python', ['app.py'], { cwd: folder, env: environment(folder) });
    return folder;
  },
};

/** With an aws-cdk-lib of choice: what is compiled against one must be so against the other. */
export const javaWith = (cdk: string, constructs: string) => ({
  fetch(): void {
    for (const artifact of [`software.amazon.awscdk:aws-cdk-lib:${cdk}`, `software.constructs:constructs:${constructs}`]) {
      run('mvn', ['-q', '-B', 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get', `-Dartifact=${artifact}`], { cwd: WORK });
    }
  },
  compile(repository: string): string {
    const folder = copyOf('java');
    // Maven would take the package of yesterday, which has the same version.
    rmSync(join(homedir(), '.m2', 'repository', 'io', 'github', 'cdk-durable-storage'), { recursive: true, force: true });
    run('mvn', [
      '-q', '-B', '-U', `-Dlibrary.version=${LIBRARY_VERSION}`, `-Dlibrary.repository=file://${repository}`,
      `-Dcdk.version=${cdk}`, `-Dconstructs.version=${constructs}`,
      'clean', 'compile', 'dependency:build-classpath', '-Dmdep.outputFile=target/classpath',
    ], { cwd: folder });
    return folder;
  },
});

const java: Language = {
  tools: ['java', 'javac', 'mvn'],
  fetch: () => javaWith(OURS.cdk, OURS.constructs).fetch(),
  synthesize() {
    const folder = javaWith(OURS.cdk, OURS.constructs).compile(pack('java'));
    run('sh', ['-c', 'exec java -cp "target/classes:$(cat target/classpath)" Consumer'], { cwd: folder, env: environment(folder) });
    return folder;
  },
};

const go: Language = {
  tools: ['go'],
  fetch() {
    const folder = copyOf('go');
    // Without the library itself, which lies beside it.
    run('go', ['mod', 'download', 'github.com/aws/aws-cdk-go/awscdk/v2', 'github.com/aws/jsii-runtime-go'], { cwd: folder });
  },
  synthesize() {
    // The code only: jsii-pacmak would resolve the modules anew, without the sums that go.sum pins.
    pack('go', true);
    const folder = copyOf('go');
    run('go', ['run', '.'], { cwd: folder, env: environment(folder) });
    return folder;
  },
};

export const LANGUAGES: Record<string, Language> = { python, java, go };
