import type { Direction } from '../../../lambda/shared/direction';
import type { Context } from '../../../lambda/shared/resource-lifecycle';

/** The context of an event with this direction, which is certain. */
export function contextWith(direction: Direction, more: Partial<Context> = {}): Context {
  return {
    stackId: 'stack', logicalId: 'Thing', requestId: 'request', identity: 'digest', deletionBegan: 0, direction, certainDirection: async () => direction, ...more,
  };
}
