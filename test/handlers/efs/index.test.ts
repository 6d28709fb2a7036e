import type * as entry from '../../../lambda/efs';

describe('the entry of the EFS handlers', () => {
  beforeEach(() => { jest.spyOn(console, 'log').mockImplementation(() => {}); });
  afterEach(() => { jest.restoreAllMocks(); });

  const load = (timeout: string | undefined) => {
    const before = process.env.CREATION_TIMEOUT_SECONDS;
    try {
      if (timeout === undefined) { delete process.env.CREATION_TIMEOUT_SECONDS; } else { process.env.CREATION_TIMEOUT_SECONDS = timeout; }
      let loaded!: typeof entry;
      jest.isolateModules(() => { loaded = jest.requireActual<typeof entry>('../../../lambda/efs'); });
      return loaded;
    } finally {
      if (before === undefined) { delete process.env.CREATION_TIMEOUT_SECONDS; } else { process.env.CREATION_TIMEOUT_SECONDS = before; }
    }
  };
  const event = { RequestType: 'Create', ResourceProperties: {} } as any;

  test.each(['Custom::Other', 'constructor'])('refuses the resource type %s, and names those that it supports', async ResourceType => {
    const { onEvent, isComplete } = load('120');
    await expect(onEvent({ ...event, ResourceType })).rejects.toThrow(
      new RegExp(`^unknown resource type ${ResourceType}; this handler supports Custom::FileSystem, .*Custom::MountTargets, `));
    await expect(isComplete({ ...event, ResourceType })).rejects.toThrow(`unknown resource type ${ResourceType}; `);
  });

  test('needs to know how long a creation may take', () => {
    expect(() => load(undefined)).toThrow('environment variable CREATION_TIMEOUT_SECONDS is not set');
  });
});
