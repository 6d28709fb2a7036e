import type { Handler } from '../handler';
import { containerHandlers } from './containers';
import type { Context } from './context';
import { efsHandlers } from './efs';
import { efsFileSystemHandlers } from './efs-file-system';
import { eventsHandlers } from './events';
import { iamHandlers } from './iam';
import { lambdaHandlers } from './lambda';
import { miscHandlers } from './misc';
import { networkHandlers } from './network';
import { pipelineHandlers } from './pipelines';
import { s3Handlers } from './s3';
import { schedulerHandlers } from './scheduler';
import { statesHandlers } from './states';
import { storageHandlers } from './storage';

export type { Context } from './context';

/** Every resource type that the player knows, but for custom resources and nested stacks. */
export function resourceHandlers(context: Context): Record<string, Handler> {
  return {
    ...iamHandlers(context),
    ...lambdaHandlers(context),
    ...statesHandlers(context),
    ...eventsHandlers(context),
    ...s3Handlers(context),
    ...schedulerHandlers(context),
    ...storageHandlers(context),
    ...networkHandlers(context),
    ...efsHandlers(context),
    ...efsFileSystemHandlers(context),
    ...containerHandlers(context),
    ...pipelineHandlers(context),
    ...miscHandlers(context),
  };
}
