import { ebsHandlers } from './handlers';
import { ebsClients } from './services';
import { creationTimeoutSeconds } from '../shared/environment';

export const { onEvent, isComplete } = ebsHandlers(ebsClients(), creationTimeoutSeconds());
