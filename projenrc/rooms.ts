/**
 * Every room of the house, and the rooms that it may import; its own files it always may. `.projenrc.ts` makes the lint zones
 * from this table, and `test/product/house.test.ts` shows for each zone that lint refuses a forbidden import.
 *
 * A name with a star at its end stands for the files directly in that folder; they may import all that is below it.
 */
export const ROOMS: Record<string, readonly string[]> = {
  'src/contract': [],
  'src/private/resource': ['src/contract'],
  'src/private/functions': ['src/contract', 'src/private/resource'],
  'src/private/efs': ['src/contract', 'src/private/resource', 'src/private/functions'],
  'src/private/ebs': ['src/contract', 'src/private/resource', 'src/private/functions'],
  'src/efs': ['src/contract', 'src/private/resource', 'src/private/functions', 'src/private/efs'],
  'src/ebs': ['src/contract', 'src/private/resource', 'src/private/functions', 'src/private/ebs'],
  'src/*': [],

  'lambda/shared': ['src/contract'],
  'lambda/transfer/blocks': [],
  'lambda/transfer/http': [],
  'lambda/transfer/formats': ['src/contract', 'lambda/transfer/blocks'],
  'lambda/transfer/flow': ['src/contract', 'lambda/shared', 'lambda/transfer/blocks'],
  'lambda/transfer/bucket': ['src/contract', 'lambda/shared', 'lambda/transfer/blocks'],
  'lambda/transfer/snapshot': ['src/contract', 'lambda/shared', 'lambda/transfer/blocks', 'lambda/transfer/flow', 'lambda/transfer/http'],
  'lambda/transfer/image': [
    'src/contract', 'lambda/shared', 'lambda/transfer/blocks', 'lambda/transfer/flow', 'lambda/transfer/http', 'lambda/transfer/formats', 'lambda/transfer/bucket',
  ],
  'lambda/transfer/parent': [
    'src/contract', 'lambda/shared', 'lambda/transfer/blocks', 'lambda/transfer/flow', 'lambda/transfer/bucket', 'lambda/transfer/snapshot',
  ],
  'lambda/transfer/import': [
    'src/contract', 'lambda/shared', 'lambda/transfer/blocks', 'lambda/transfer/flow', 'lambda/transfer/bucket', 'lambda/transfer/snapshot',
    'lambda/transfer/image', 'lambda/transfer/parent',
  ],
  'lambda/transfer/export': [
    'src/contract', 'lambda/shared', 'lambda/transfer/blocks', 'lambda/transfer/flow', 'lambda/transfer/bucket', 'lambda/transfer/snapshot',
    'lambda/transfer/formats',
  ],
  'lambda/ebs': ['src/contract', 'lambda/shared', 'lambda/transfer'],
  'lambda/efs/claims': ['src/contract', 'lambda/shared', 'lambda/efs/efs.ts'],
  'lambda/efs/settings': ['src/contract', 'lambda/shared', 'lambda/efs/efs.ts', 'lambda/efs/claims'],
  'lambda/efs/tag-set': ['src/contract', 'lambda/shared', 'lambda/efs/efs.ts', 'lambda/efs/claims'],
  'lambda/efs/mount-targets': ['src/contract', 'lambda/shared', 'lambda/efs/efs.ts'],
  'lambda/efs/file-system': ['src/contract', 'lambda/shared', 'lambda/efs/efs.ts', 'lambda/efs/claims', 'lambda/efs/settings', 'lambda/efs/mount-targets'],
  'lambda/efs/*': ['src/contract', 'lambda/shared'],

  'cli': ['src/contract', 'lambda/efs/claims/claim.ts'],

  'world': [],
  'examples': [],
  'demo': ['world', 'examples'],
  'bench': ['src', 'lambda', 'world', 'test/harness', 'projenrc/entries.ts'],
  'conformance': ['src', 'lambda', 'world', 'examples', 'test/harness', 'projenrc'],

  'test/mutants': [],
  'test/harness': ['src', 'lambda', 'world'],
  'test/unit': ['src', 'lambda', 'world', 'test/harness'],
  'test/handlers': ['src', 'lambda', 'world', 'test/harness'],
  'test/deployments': ['src', 'world', 'test/harness', 'examples'],
  'test/campaigns': ['src', 'lambda', 'world', 'test/harness'],
  'test/world': ['world', 'test/harness'],
  'test/product': ['src', 'cli', 'world', 'test/harness', 'examples', 'demo', 'projenrc', 'conformance/tools', 'bench/template-counts.ts', 'bench/path'],
};

/** Rooms that run in the user's account: no bundle may contain aws-cdk-lib. */
const IN_THE_CLOUD = /^lambda\//;

export interface Zone {
  readonly target: string;
  readonly from: string;
  readonly except: string[];
  readonly message: string;
}

/** The zones of `import/no-restricted-paths`: outside of its own folder, a room imports only what the table names. */
export function zones(): Zone[] {
  return Object.entries(ROOMS).flatMap(([room, may]) => {
    const target = room.endsWith('/*') ? `./${room.slice(0, -1)}*.ts` : `./${room}`;
    const own = room.endsWith('/*') ? room.slice(0, -2) : room;
    const packages = own === 'src/contract' ? [] : ['./node_modules'];
    const list = may.length === 0 ? 'nothing of this repository' : `only ${may.join(', ')}`;
    return [
      { target, from: './', except: [`./${own}`, ...may.map(other => `./${other}`), ...packages], message: `${room} may import ${list} (projenrc/rooms.ts)` },
      ...IN_THE_CLOUD.test(room)
        ? ['aws-cdk-lib', 'constructs'].map(name => ({ target, from: `./node_modules/${name}`, except: [], message: 'a bundle must not contain aws-cdk-lib' }))
        : [],
    ];
  });
}
