import { arn } from '../../emulator/environment';
import type { Handler } from '../handler';
import { nameOf, type Context } from './context';

/** EventBridge Scheduler; schedules themselves are made by functions. */
export function schedulerHandlers({ emulator: { scheduler }, iam }: Context): Record<string, Handler> {
  scheduler.assume = roleArn => iam.assumable(roleArn, 'scheduler.amazonaws.com').session('scheduler');
  return {
    'AWS::Scheduler::ScheduleGroup': {
      immutable: ['Name'],
      create: request => {
        const name = nameOf(request, request.properties.Name, 64);
        scheduler.groups.add(name);
        return { physicalId: name, attributes: { Arn: arn('scheduler', `schedule-group/${name}`) } };
      },
      update: (_, before) => ({ physicalId: before.physicalId!, attributes: before.attributes }),
      delete: ({ physicalId }) => scheduler.deleteGroup(physicalId!),
    },
  };
}
