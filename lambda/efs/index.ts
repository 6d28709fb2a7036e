import { efsHandlers } from './handlers';
import { efsClients } from './services';
import { answering } from '../shared/answering/handler';

export const handler = answering(efsHandlers(efsClients()));
