import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'fs';
import { tmpdir } from 'os';
import { join } from 'path';
import { ACCOUNT, PARTITION, REGION } from '../emulator/environment';
import type { S3 } from '../emulator/s3';

interface AssetManifest {
  readonly files?: Record<string, {
    readonly source: { readonly path?: string; readonly packaging?: 'file' | 'zip'; readonly executable?: string[] };
    readonly destinations: Record<string, { readonly bucketName: string; readonly objectKey: string }>;
  }>;
  readonly dockerImages?: Record<string, unknown>;
}

/** Replaces what the CDK leaves open in manifests of stacks without an environment. */
export function inEnvironment(text: string): string {
  return text.replace(/\$\{AWS::Partition\}/g, PARTITION).replace(/\$\{AWS::Region\}/g, REGION).replace(/\$\{AWS::AccountId\}/g, ACCOUNT);
}

/** What `cdk deploy` uploads beforehand: files as objects of the bootstrap bucket, directories as they lie there. */
export class Assets {
  private readonly directories = new Map<string, string>();
  private readonly files = new Map<string, string>();
  private readonly scratch = mkdtempSync(join(tmpdir(), 'player-'));
  private inlineCount = 0;

  constructor(private readonly s3: S3) {}

  public async publish(manifestFile: string, assemblyDirectory: string): Promise<void> {
    const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as AssetManifest;
    if (Object.keys(manifest.dockerImages ?? {}).length > 0) { throw new Error('the player does not know docker image assets'); }
    for (const { source, destinations } of Object.values(manifest.files ?? {})) {
      if (source.path === undefined) { throw new Error(`the player does not know executable assets: ${source.executable?.join(' ')}`); }
      const path = join(assemblyDirectory, source.path);
      for (const { bucketName, objectKey } of Object.values(destinations)) {
        await this.put(inEnvironment(bucketName), inEnvironment(objectKey), path, source.packaging ?? 'file');
      }
    }
  }

  /** The code of a function, from a directory that was published. */
  public directory(bucket: string, key: string): string {
    const directory = this.directories.get(`${bucket}/${key}`);
    if (!directory) { throw new Error(`Error occurred while GetObject: no asset was published as s3://${bucket}/${key}, or it is not a directory`); }
    return directory;
  }

  /** The code of a function that stands in the template. */
  public inline(code: string): string {
    const directory = join(this.scratch, String(this.inlineCount++));
    mkdirSync(directory);
    writeFileSync(join(directory, 'index.js'), code);
    return directory;
  }

  /** A published template, of a nested stack. */
  public template(url: string): string {
    const [, bucket, key] = /^https:\/\/s3\.[^/]+\/([^/]+)\/(.*)$/.exec(url) ?? [];
    const path = this.files.get(`${bucket}/${key}`);
    if (!path) { throw new Error(`TemplateURL must reference a published asset, got ${url}`); }
    return readFileSync(path, 'utf8');
  }

  public close(): void {
    rmSync(this.scratch, { recursive: true, force: true });
  }

  private async put(bucket: string, key: string, path: string, packaging: 'file' | 'zip'): Promise<void> {
    if (!this.s3.buckets.has(bucket)) { this.s3.createBucket(bucket, { versioned: true, encryption: { algorithm: 'aws:kms' } }); }
    if (packaging === 'zip') {
      this.directories.set(`${bucket}/${key}`, path);
    } else if (!this.s3.object(bucket, key)) {
      // Keys are digests of the content: what is there already is the same.
      await this.s3.put(bucket, key, { path });
      this.files.set(`${bucket}/${key}`, path);
    }
  }
}
