import { ebsPermissionSequences } from './ebs-permissions';
import { failingImportSequences } from './failing-import';
import { machineImageSequences } from './machine-image';
import { snapshotExportSequences } from './snapshot-export';
import { snapshotImportSequences } from './snapshot-import';
import { EbsWorld } from '../../harness/deployment/ebs-world';

let world: EbsWorld;
beforeAll(async () => { world = await EbsWorld.start(); });
afterAll(() => world.close());

snapshotImportSequences(() => world);
snapshotExportSequences(() => world);
// Their own hooks run at the top of the file unless they are in a block.
describe('in a stack that has an import already', () => failingImportSequences(() => world));
machineImageSequences(() => world);
ebsPermissionSequences(() => world);
