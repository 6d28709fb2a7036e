import { efsExtraSequences } from './efs-extras';
import { efsPermissionSequences } from './efs-permissions';
import { fileSystemSequences } from './file-system';
import { mountTargetSequences } from './mount-targets';
import { retentionSequences } from './retention';
import { EfsWorld } from '../../harness/deployment/efs-world';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

fileSystemSequences(() => world);
retentionSequences(() => world);
mountTargetSequences(() => world);
efsExtraSequences(() => world);
efsPermissionSequences(() => world);
