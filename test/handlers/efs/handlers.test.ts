import { efsHandlers } from '../../../lambda/efs/handlers';
import type { EfsClients } from '../../../lambda/efs/services';

describe('the handlers of EFS', () => {
  beforeEach(() => { jest.spyOn(console, 'log').mockImplementation(() => {}); });
  afterEach(() => { jest.restoreAllMocks(); });

  test.each(['Custom::Other', 'constructor'])('refuse the resource type %s, and name those that they support', async ResourceType => {
    const { act, poll } = efsHandlers({} as EfsClients);
    const event = { RequestType: 'Create', ResourceProperties: {}, ResourceType } as any;
    await expect(act(event)).rejects.toThrow(
      new RegExp(`^unknown resource type ${ResourceType}; this handler supports Custom::FileSystem, .*Custom::MountTargets, `));
    await expect(poll(event)).rejects.toThrow(`unknown resource type ${ResourceType}; `);
  });
});
