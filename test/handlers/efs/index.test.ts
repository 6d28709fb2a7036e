import type * as entry from '../../../lambda/efs';

describe('the entry of the EFS handlers', () => {
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

  test.each(['Custom::Other', 'constructor'])('says that it does not know %s', async ResourceType => {
    const { onEvent, isComplete } = load('120');
    await expect(onEvent({ ...event, ResourceType })).rejects.toThrow(
      new RegExp(`^this handler knows Custom::FileSystem, .*Custom::MountTargets, .*, and not ${ResourceType}$`));
    await expect(isComplete({ ...event, ResourceType })).rejects.toThrow('this handler knows');
  });

  test('needs to know how long a creation may take', () => {
    expect(() => load(undefined)).toThrow("'CREATION_TIMEOUT_SECONDS' must be a number");
  });
});
