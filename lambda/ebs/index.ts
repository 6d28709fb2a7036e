import { ebsHandlers } from './handlers';
import { ebsClients } from './services';
import { answering } from '../shared/answering/handler';

export const handler = answering(ebsHandlers(ebsClients()));
