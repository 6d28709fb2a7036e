import { efsExtraSequences } from './efs-extras';
import { efsPermissionSequences } from './efs-permissions';
import { EfsWorld } from './efs-world';
import { fileSystemSequences } from './file-system';
import { mountTargetSequences } from './mount-targets';
import { retentionSequences } from './retention';

let world: EfsWorld;
beforeAll(async () => { world = await EfsWorld.start(); });
afterAll(() => world.close());

fileSystemSequences(() => world);
retentionSequences(() => world);
mountTargetSequences(() => world);
efsExtraSequences(() => world);
efsPermissionSequences(() => world);
