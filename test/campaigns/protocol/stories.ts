import { INVENTED_ID, type CloudFormation } from './cloudformation';
import type { Properties } from './thing';

/** The things that have to be there at the end of a story. undefined: it ended in a way that leaves that to a person. */
export type End = { readonly kind: string; readonly value: string; readonly id: string } | 'nothing' | undefined;
export type Story = (cloudFormation: CloudFormation) => Promise<End>;

const properties = (Kind: string, Value: string): Properties => ({ Owner: 'App/Thing', RemovalPolicy: 'Delete', Kind, Value } as Properties);
const OLD = properties('a', '1');
const CHANGED = properties('a', '2');
const REPLACED = properties('b', '1');
const thing = ({ Kind: kind, Value: value }: Properties, id: string): End => ({ kind, value, id });

/** Takes back a creation. */
async function deleted(cloudFormation: CloudFormation, id: string, request = '2'): Promise<End> {
  cloudFormation.show('DELETE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS');
  const isGone = await cloudFormation.delete(request, OLD, id);
  cloudFormation.show(isGone ? 'DELETE_COMPLETE' : 'DELETE_FAILED', isGone ? 'ROLLBACK_COMPLETE' : 'ROLLBACK_FAILED');
  return isGone ? 'nothing' : undefined;
}

/** A creation, which CloudFormation may cancel, or take back when it is made. */
export function creation({ cancelledAfter, takenBackAfter }: { readonly cancelledAfter?: number; readonly takenBackAfter?: number } = {}): Story {
  return async cloudFormation => {
    cloudFormation.show('CREATE_IN_PROGRESS', 'CREATE_IN_PROGRESS');
    const { status, physicalId = INVENTED_ID } = await cloudFormation.request('Create', '1', { properties: OLD }, cancelledAfter);
    if (status !== 'SUCCESS') { return deleted(cloudFormation, physicalId); }
    cloudFormation.show('CREATE_COMPLETE', 'CREATE_IN_PROGRESS');
    if (takenBackAfter === undefined) { return thing(OLD, physicalId); }
    await cloudFormation.pause(takenBackAfter);
    return deleted(cloudFormation, physicalId);
  };
}

/** A creation that is cancelled, and deployed again with the same request, which has another response URL. */
export function deployedAgain(cancelledAfter: number): Story {
  return async cloudFormation => {
    if (await creation({ cancelledAfter })(cloudFormation) !== 'nothing') { return undefined; }
    await cloudFormation.pause(600);
    return creation()(cloudFormation);
  };
}

/** An update of a thing that exists. CloudFormation may cancel it, or take it back when it is done. */
export function update(
  kind: 'in place' | 'replacement',
  { cancelledAfter, takenBackAfter, called = 'old' }: { readonly cancelledAfter?: number; readonly takenBackAfter?: number; readonly called?: 'old' | 'new' } = {},
): Story {
  const wanted = kind === 'in place' ? CHANGED : REPLACED;
  return async cloudFormation => {
    const { id } = cloudFormation.cloud.things.add(OLD, 'made long ago', 'usable');
    cloudFormation.show('UPDATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS');
    const event = { properties: wanted, PhysicalResourceId: id, OldResourceProperties: { ...OLD } };
    const { status, physicalId = id } = await cloudFormation.request('Update', '1', event, cancelledAfter);
    if (status === 'SUCCESS' && takenBackAfter === undefined) {
      cloudFormation.show('UPDATE_COMPLETE', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS');
      if (physicalId !== id && !await cloudFormation.delete('2', OLD, id)) { return undefined; }
      cloudFormation.show('UPDATE_COMPLETE', 'UPDATE_COMPLETE');
      return thing(wanted, physicalId);
    }
    cloudFormation.show(status === 'SUCCESS' ? 'UPDATE_COMPLETE' : 'UPDATE_FAILED', 'UPDATE_IN_PROGRESS');
    if (takenBackAfter !== undefined) { await cloudFormation.pause(takenBackAfter); }
    return back(cloudFormation, { id, newId: physicalId, called: called === 'new' ? physicalId : id, from: wanted });
  };
}

async function back(
  cloudFormation: CloudFormation,
  { id, newId, called, from }: { readonly id: string; readonly newId: string; readonly called: string; readonly from: Properties },
): Promise<End> {
  cloudFormation.show('UPDATE_IN_PROGRESS', 'UPDATE_ROLLBACK_IN_PROGRESS');
  const event = { properties: OLD, PhysicalResourceId: called, OldResourceProperties: { ...from } };
  const { status, physicalId = id } = await cloudFormation.request('Update', '2', event);
  if (status !== 'SUCCESS') {
    cloudFormation.show('UPDATE_FAILED', 'UPDATE_ROLLBACK_FAILED');
    return undefined;
  }
  cloudFormation.show('UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS');
  for (const superseded of new Set([id, newId])) {
    if (superseded !== physicalId && !await cloudFormation.delete('3', from, superseded)) { return undefined; }
  }
  cloudFormation.show('UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE');
  return thing(OLD, physicalId);
}
