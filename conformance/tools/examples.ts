import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Environment } from 'aws-cdk-lib';
import { AdoptionStack } from '../../examples/adoption';
import { Composition } from '../../examples/composition';
import { ExchangeStack, ExportStack, ImportStack } from '../../examples/copy/stacks';
import { DataVolumeStack } from '../../examples/data-volume';
import { DemoStack } from '../../examples/demo/stack';
import { ForeignFilesStack } from '../../examples/foreign-files';
import { GoldenImageStack } from '../../examples/golden-image';
import { PipelineStack } from '../../examples/pipeline';
import { PrivateNetworkStack } from '../../examples/private-network';
import { SharedFilesStack } from '../../examples/shared-files';
import { ACCOUNT, REGION } from '../../world/emulator/environment';

const OTHER_ACCOUNT = '444455556666';
const env: Environment = { account: ACCOUNT, region: REGION };
/** A disk of zeros. */
const imagePath = join(mkdtempSync(join(tmpdir(), 'examples-')), 'disk.img');
writeFileSync(imagePath, Buffer.alloc(512));

const EXAMPLES: Record<string, (app: App) => unknown> = {
  'adoption': app => new AdoptionStack(app, 'Adoption', { env }),
  'composition': app => new Composition(app, 'Composition', { env, imagePath }),
  'copy': app => {
    const place = { bucketName: 'exchange', key: 'images/web.img' };
    new ExportStack(app, 'Export', { env, snapshotId: 'snap-0123456789abcdef0', ...place });
    const there = { env: { ...env, account: OTHER_ACCOUNT } };
    new ExchangeStack(app, 'Exchange', { ...there, bucketName: place.bucketName, from: ACCOUNT });
    new ImportStack(app, 'Import', { ...there, ...place });
  },
  'data-volume': app => new DataVolumeStack(app, 'DataVolume', { env, imagePath }),
  'demo': app => new DemoStack(app, 'Demo', { env, imagePath, costCenter: '1001', clients: 'Research' }),
  'foreign-files': app => new ForeignFilesStack(app, 'ForeignFiles', { env, fileSystemId: 'fs-0123456789abcdef0' }),
  'golden-image': app => new GoldenImageStack(app, 'GoldenImage', { env, imagePath }),
  'pipeline': app => new PipelineStack(app, 'Pipeline', { env, imagePath, testAccount: OTHER_ACCOUNT, productionAccount: ACCOUNT }),
  'private-network': app => new PrivateNetworkStack(app, 'PrivateNetwork', { env, imagePath }),
  'shared-files': app => new SharedFilesStack(app, 'SharedFiles', { env }),
};

/** Synthesizes every example, each into a folder of its name. */
export function synthesizeExamples(folder: string): { readonly name: string; readonly app: App }[] {
  return Object.entries(EXAMPLES).map(([name, define]) => {
    const app = new App({ outdir: join(folder, name), analyticsReporting: false });
    define(app);
    app.synth();
    return { name, app };
  });
}
