import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DescribeFileSystemsCommand, DescribeMountTargetsCommand, EFSClient } from '@aws-sdk/client-efs';
import { GetBucketTaggingCommand, GetObjectCommand, ListBucketsCommand, PutBucketTaggingCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Router } from './router';
import { Emulator } from '../../../world/emulator/emulator';
import { ACCOUNT, REGION } from '../../../world/emulator/environment';
import { environment, ROOT, workFolder } from '../../tools/folders';
import { Background, freePort, run } from '../../tools/processes';
import { Unavailable } from '../../tools/report';
import { python } from '../../tools/tools';

/** The account: ministack with our emulator beside it, and the router that sends each call to one of them. */
export class Account {
  public static async start(): Promise<Account> {
    const bin = await python('ministack');
    const emulator = await Emulator.start();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const router = await new Router({ emulator: emulator.server.url, others: url }).listen();
    const ministack = await Background.start(join(bin, 'ministack'), [], {
      url: `${url}/_ministack/health`,
      log: join(workFolder('ministack'), 'ministack.log'),
      env: environment({
        BIND_HOST: '127.0.0.1',
        GATEWAY_PORT: `${port}`,
        MINISTACK_HOST: '127.0.0.1',
        MINISTACK_ACCOUNT_ID: ACCOUNT,
        MINISTACK_REGION: REGION,
        AWS_DEFAULT_REGION: REGION,
        IOT_MTLS_ENABLED: '0',
        SFTP_ENABLED: '0',
        SFN_WAIT_SCALE: '0.2',
        // Functions inherit these; the CDK's own take the SDK from the runtime, which is this package's folder here.
        AWS_ENDPOINT_URL_EBS: router.url,
        AWS_ENDPOINT_URL_EC2: router.url,
        AWS_ENDPOINT_URL_S3: router.url,
        AWS_ENDPOINT_URL_CLOUDFORMATION: router.url,
        NODE_PATH: join(ROOT, 'node_modules'),
      }),
    }).catch(async error => {
      await router.close();
      await emulator.close();
      throw new Unavailable((error as Error).message);
    });
    return new Account(emulator, router, ministack, url);
  }

  /** Advances the emulator's clock ten times as fast as real time. */
  private readonly ticker = setInterval(() => this.emulator.clock.advance(1_000), 100);

  private constructor(
    public readonly emulator: Emulator, private readonly router: Router, private readonly ministack: Background, private readonly url: string,
  ) {}

  public async stop(): Promise<void> {
    await this.ministack.stop();
    clearInterval(this.ticker);
    await this.router.close();
    await this.emulator.close();
  }

  private get config() {
    return { endpoint: this.url, region: REGION, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  }

  private s3(): S3Client {
    return new S3Client({ ...this.config, forcePathStyle: true });
  }

  public async cdk(...args: string[]): Promise<string> {
    const { code, text } = await this.tryCdk(...args);
    if (code !== 0) { throw new Error(`cdk ${args[0]} ended with ${code}: ${complaint(text)}`); }
    return text;
  }

  public async tryCdk(...args: string[]): Promise<{ code: number; text: string }> {
    const { code, stdout, stderr } = await run(join(ROOT, 'node_modules', '.bin', 'cdk'), [...args, '--no-color', '--ci', '--no-notices', '--no-version-reporting'], {
      cwd: join(ROOT, 'conformance.out'),
      minutes: 6,
      env: environment({ AWS_ENDPOINT_URL: this.url, AWS_REGION: REGION, CDK_DISABLE_CLI_TELEMETRY: 'true', CDK_DISABLE_VERSION_CHECK: '1' }),
    });
    return { code, text: stdout + stderr };
  }

  /** Returns what the services hold of the stack. */
  public async look() {
    const [efs, s3] = [new EFSClient(this.config), this.s3()];
    try {
      const { FileSystems: fileSystems = [] } = await efs.send(new DescribeFileSystemsCommand({}));
      const targets = await Promise.all(fileSystems.map(({ FileSystemId }) => efs.send(new DescribeMountTargetsCommand({ FileSystemId }))));
      const { Buckets: buckets = [] } = await s3.send(new ListBucketsCommand({}));
      return {
        // Claims name the latest call, also that of a rollback.
        fileSystems: fileSystems.map(one => ({ ...one, Tags: one.Tags?.filter(({ Key }) => !Key!.startsWith('cdk-durable-storage:')) })),
        mountTargets: targets.flatMap(({ MountTargets = [] }) => MountTargets)
          .sort((a, b) => a.MountTargetId! < b.MountTargetId! ? -1 : 1),
        snapshotIds: this.emulator.ec2.snapshots.all.map(({ snapshotId }) => snapshotId),
        buckets: buckets.map(({ Name }) => Name!).filter(name => !name.startsWith('cdk-')),
        tag: (key: string) => fileSystems[0]?.Tags?.find(({ Key }) => Key === key)?.Value,
      };
    } finally {
      efs.destroy();
      s3.destroy();
    }
  }

  /** Tags the buckets, because ministack 1.5.33 makes them without their tags and autoDeleteObjects empties only buckets with its tag. */
  public async tagBuckets(): Promise<void> {
    const s3 = this.s3();
    const { Buckets: buckets = [] } = await s3.send(new ListBucketsCommand({}));
    for (const { Name: Bucket } of buckets.filter(({ Name }) => !Name!.startsWith('cdk-'))) {
      await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: 'aws-cdk:auto-delete-objects', Value: 'true' }] } }));
    }
    s3.destroy();
  }

  /** Returns how ministack differs from the API reference of S3, which answers a range with 206; undefined if it does not. */
  public async wholeForRange(): Promise<string | undefined> {
    const s3 = this.s3();
    const at = { Bucket: `cdk-hnb659fds-assets-${ACCOUNT}-${REGION}`, Key: 'probe' };
    const { VersionId } = await s3.send(new PutObjectCommand({ ...at, Body: '0123456789' }));
    const { ContentRange, Body } = await s3.send(new GetObjectCommand({ ...at, VersionId, Range: 'bytes=2-4' }));
    const text = await Body!.transformToString();
    s3.destroy();
    return text === '234' ? undefined : `S3: 206 and the range. ministack: ${ContentRange ?? '200 and the whole object'}. conformance/judges/deploy/router.ts cuts it out`;
  }

  /** Returns how ministack differs from CloudFormation, which puts the tags of the template on a bucket; undefined if it does not. */
  public async bucketWithoutTags(): Promise<string | undefined> {
    const s3 = this.s3();
    const { Buckets: buckets = [] } = await s3.send(new ListBucketsCommand({}));
    const Bucket = buckets.find(({ Name }) => !Name!.startsWith('cdk-'))?.Name;
    const tags = Bucket === undefined ? [] : await s3.send(new GetBucketTaggingCommand({ Bucket })).then(answer => answer.TagSet ?? [], () => []);
    s3.destroy();
    return tags.some(({ Key }) => Key === 'aws-cdk:auto-delete-objects') ? undefined
      : 'CloudFormation: the bucket has them. ministack: NoSuchTagSet, and autoDeleteObjects empties nothing. The tag is set before the destruction';
  }

  public get blocks(): number {
    const { ec2, ebs } = this.emulator;
    return ebs.snapshot(ec2.snapshots.all[0].snapshotId)!.writtenIndexes.length;
  }
}

/** Returns the lines in which the CLI names an error. */
export function complaint(text: string): string {
  return text.split('\n').filter(line => /❌|FAILED/.test(line)).join('\n').slice(-1200) || text.slice(-500);
}

export function cliVersion(): string {
  return execFileSync(join(ROOT, 'node_modules', '.bin', 'cdk'), ['--version'], { env: environment({ CDK_DISABLE_VERSION_CHECK: '1' }), encoding: 'utf8' }).split(' ')[0];
}
