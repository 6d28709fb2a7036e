import { TooEarly } from '../../../../lambda/shared/direction';
import { OutOfReach } from '../../../../lambda/shared/errors';
import { handlersOf } from '../../../../lambda/shared/event-handlers';
import { identityOf } from '../../../../lambda/shared/identity';
import type { EventHandlers, ResourceEvent } from '../../../../lambda/shared/resource-event';
import { LEAVING, type Context, type Created, type Found, type Lifecycle } from '../../../../lambda/shared/resource-lifecycle';
import { retrying } from '../../../../lambda/shared/retry';
import type { StackResource, StackState } from '../../../../lambda/shared/stacks';
import type { OwnerProperties } from '../../../../src/contract/ownership';

interface Properties extends OwnerProperties { readonly Kind?: string; readonly Label?: string }

/** The pause before a poll of a service that is busy, if chance makes it longest. */
const BUSY = 9;

const OWNED = { Owner: 'o', RemovalPolicy: 'Delete' } as const;

interface Thing extends Found { deletions: number; readonly kind: string | undefined }

/** A resource in memory: `kind` is its identity. */
class FakeLifecycle implements Lifecycle<Properties, { Id: string }> {
  public readonly identity = ['Kind'] as const;
  public readonly physicalId = /^thing-\d+$/;
  public allowsRetainedSiblings = false;
  public things: Thing[] = [];
  /** Calls that one deletion takes. */
  public deletionSteps = 1;
  public isLeaving = false;
  public polls = 0;
  public failures: Partial<Record<'create' | 'ready' | 'delete' | 'gone', Error>> = {};
  /** Whether `create` fails only after it has made the thing. */
  public failsLate = false;
  public isRepeatable = true;
  public readonly calls: string[] = [];
  public readonly contexts: Partial<Record<string, any>> = {};
  private made = 0;

  public add(kind: string | undefined, more: Partial<Thing> = {}): Thing {
    const thing: Thing = {
      id: `thing-${++this.made}`, kind, identity: identityOf<Properties>(this, { ...OWNED, Kind: kind }), requestId: 'earlier', state: 'usable', deletions: 0, ...more,
    };
    this.things.push(thing);
    return thing;
  }

  public async create({ Kind }: Properties, context: Context): Promise<Created> {
    this.note('create', Kind ?? '', context);
    if (this.failures.create && !this.failsLate) { throw this.failures.create; }
    const { id } = this.add(Kind, { state: 'unfinished', requestId: context.requestId });
    if (this.failures.create) { throw this.failures.create; }
    return { id, memo: 'learned' };
  }

  public async update(id: string, _properties: Properties, _old: Properties, context: Context): Promise<void> {
    this.note('update', id, context);
  }

  public async ready(id: string, _properties: Properties, context: Context): Promise<{ Id: string } | undefined> {
    this.note('ready', id, context);
    if (this.failures.ready) { throw this.failures.ready; }
    return this.polls-- > 0 ? undefined : { Id: id };
  }

  public withoutReach(id: string): { Id: string } {
    return { Id: `${id}, which is left` };
  }

  public async delete(id: string, _properties: Properties, context: Context): Promise<void> {
    this.note('delete', id, context);
    if (this.failures.delete) { throw this.failures.delete; }
    const thing = this.things.find(other => other.id === id);
    if (thing && ++thing.deletions >= this.deletionSteps) { this.things = this.things.filter(other => other !== thing); }
  }

  public async gone(id: string): Promise<boolean | typeof LEAVING> {
    if (this.failures.gone) { throw this.failures.gone; }
    if (this.isLeaving) { return LEAVING; }
    return !this.things.some(thing => thing.id === id);
  }

  public async find(candidates: readonly Properties[]): Promise<Found[]> {
    return this.things.filter(({ kind }) => candidates.some(({ Kind }) => Kind === kind));
  }

  public get ids(): string[] {
    return this.things.map(({ id }) => id);
  }

  private note(step: string, what: string, context: Context): void {
    this.calls.push(`${step} ${what}`);
    this.contexts[step] = context;
  }
}

let life: FakeLifecycle;
jest.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => { now += milliseconds; } }));

let handlers: EventHandlers;
let now: number;
const stacks = {
  status: jest.fn<Promise<string | undefined>, [string]>(),
  describe: jest.fn<Promise<StackState | undefined>, [string]>(),
  resource: jest.fn<Promise<StackResource | undefined>, [string, string]>(),
};
const direct = (status: string) => stacks.describe.mockResolvedValue({ id: 'stack', status, rollbackDisabled: false, begun: 0 });

beforeEach(() => {
  now = 1_000_000;
  stacks.resource.mockReset().mockResolvedValue(undefined);
  stacks.status.mockReset().mockResolvedValue('ROLLBACK_IN_PROGRESS');
  direct('UPDATE_IN_PROGRESS');
  jest.spyOn(Date, 'now').mockImplementation(() => now);
  jest.spyOn(Math, 'random').mockReturnValue(0.999);
  jest.spyOn(console, 'log').mockImplementation(() => {});
  life = new FakeLifecycle();
  handlers = handlersOf({ 'Custom::Thing': life }, { stacks });
});
afterEach(() => { jest.restoreAllMocks(); });

const event = (RequestType: 'Create' | 'Update' | 'Delete', properties: Partial<Properties>, more: Partial<ResourceEvent<any>> = {}): ResourceEvent<any> => ({
  RequestType, StackId: 'stack', RequestId: 'this', ResourceType: 'Custom::Thing', LogicalResourceId: 'Thing', ResourceProperties: { ...OWNED, ...properties }, ...more,
});
const change = (PhysicalResourceId: string, from: string, to: string) =>
  event('Update', { Kind: to }, { PhysicalResourceId, OldResourceProperties: { ...OWNED, Kind: from } });
const cancelled = (properties: Partial<Properties>) => event('Delete', properties, { PhysicalResourceId: 'Stack-Thing-1ABCDEFGH2IJK' });
const logged = () => (console.log as jest.Mock).mock.calls.map(([line]) => JSON.parse(line));

describe('the table of resource types', () => {
  test('refuses an unknown type with the types that are supported', async () => {
    handlers = handlersOf({ 'Custom::A': life, 'Custom::B': life }, { stacks });
    await expect(handlers.act(event('Create', {}))).rejects.toThrow(/^unknown resource type Custom::Thing; this handler supports Custom::A, Custom::B$/);
    await expect(handlers.poll({ ...event('Create', {}), ResourceType: 'toString' })).rejects.toThrow('unknown resource type toString');
  });

  test('asks a function for the lifecycle with the properties of the event', async () => {
    const make = jest.fn((_properties: Properties) => life);
    handlers = handlersOf({ 'Custom::Thing': make, 'Custom::Other': () => { throw new Error('not for others'); } }, { stacks });
    expect(make).not.toHaveBeenCalled();
    await handlers.act(event('Create', { Kind: 'a' }));
    expect(make).toHaveBeenCalledWith(expect.objectContaining({ Kind: 'a' }));
  });
});

describe('a creation', () => {
  test('returns the physical id and what the creation found out', async () => {
    expect(await handlers.act(event('Create', { Kind: 'a' }))).toEqual({ PhysicalResourceId: 'thing-1', Memo: 'learned', Since: '1000000', Direction: 'forward' });
  });

  test('that fails after its call has succeeded removes what it made, and throws its own error', async () => {
    life.failures.create = new Error('no answer');
    life.failsLate = true;
    await expect(handlers.act(event('Create', { Kind: 'a' }))).rejects.toThrow('no answer');
    expect(life.ids).toEqual([]);
  });

  test('that fails removes in two steps what takes two calls to delete', async () => {
    life.failures.create = new Error('no answer');
    life.failsLate = true;
    life.deletionSteps = 2;
    await expect(handlers.act(event('Create', { Kind: 'a' }))).rejects.toThrow('no answer');
    expect(life.ids).toEqual([]);
  });

  test('that fails deletes once more if nobody can say whether the first deletion was enough', async () => {
    Object.assign(life.failures, { create: new Error('no answer'), gone: new Error('busy') });
    Object.assign(life, { failsLate: true, deletionSteps: 2 });
    await expect(handlers.act(event('Create', { Kind: 'a' }))).rejects.toThrow('no answer');
    expect(life.ids).toEqual([]);
  });

  test('that fails spares a usable resource with the same properties', async () => {
    life.failures.create = new Error('no quota');
    const { id } = life.add('a');
    await expect(handlers.act(event('Create', { Kind: 'a' }))).rejects.toThrow('no quota');
    expect(life.ids).toEqual([id]);
  });

  test('that fails throws its own error if the clean-up fails too, and logs the other one', async () => {
    Object.assign(life.failures, { create: new Error('no answer'), delete: new Error('denied') });
    life.failsLate = true;
    await expect(handlers.act(event('Create', { Kind: 'a' }))).rejects.toThrow(/^no answer$/);
    expect(logged()).toContainEqual({ event: 'could not clean up', error: 'Error: denied' });
  });
});

describe('an update of the same identity', () => {
  test('changes the resource in place', async () => {
    const { id } = life.add('a');
    const result = await handlers.act(event('Update', { Kind: 'a', Label: 'new' }, { PhysicalResourceId: id, OldResourceProperties: { ...OWNED, Kind: 'a' } }));
    expect(result).toMatchObject({ PhysicalResourceId: id });
    expect(life.calls).toEqual([`update ${id}`]);
  });
});

describe('an update to another identity', () => {
  test('creates the replacement, and keeps the old resource until CloudFormation deletes it', async () => {
    const old = life.add('a');
    expect(await handlers.act(change(old.id, 'a', 'b'))).toMatchObject({ PhysicalResourceId: 'thing-2', Memo: 'learned' });
    expect(life.ids).toEqual([old.id, 'thing-2']);
    expect(life.contexts.create).toMatchObject({ old: { Kind: 'a' }, oldId: old.id });
  });

  test('is handed over with its direction, which polls get too', async () => {
    direct('UPDATE_ROLLBACK_IN_PROGRESS');
    const started = { ...change(life.add('b').id, 'b', 'a'), ...await handlers.act(change(life.add('b').id, 'b', 'a')) };
    expect(started).toMatchObject({ Direction: 'back' });
    expect(life.contexts.create).toMatchObject({ direction: 'back' });
    direct('UPDATE_IN_PROGRESS');
    await handlers.poll(started);
    expect(life.contexts.ready).toMatchObject({ direction: 'back' });
  });

  test('touches nothing if CloudFormation does not wait for it any longer', async () => {
    direct('ROLLBACK_COMPLETE');
    const event_ = { ...change(life.add('b').id, 'b', 'a'), Since: `${now - 60_000}` };
    await expect(handlers.act(event_)).rejects.toThrow('CloudFormation does not wait for this resource any longer');
    expect(life.calls).toEqual([]);
  });

  test('is repeated as long as the status may be from before it, or a guard needs to be certain', async () => {
    direct('UPDATE_ROLLBACK_COMPLETE');
    const started = change(life.add('b').id, 'b', 'b');
    await expect(handlers.act(started)).rejects.toThrow(TooEarly);
    expect(life.calls).toEqual([]);
    direct('UPDATE_ROLLBACK_IN_PROGRESS');
    jest.spyOn(life, 'update').mockImplementation(async (_id, _properties, _old, context) => { await context.certainDirection(); });
    const sent = { ...started, Since: `${now}` };
    await expect(handlers.act(sent)).rejects.toThrow(TooEarly);
    now += 60_000;
    expect(await handlers.act(sent)).toMatchObject({ Direction: 'back' });
  });

  test('returns to the old resource if the change is rolled back, and removes the unfinished replacement', async () => {
    const old = life.add('a');
    const replacement = life.add('b', { state: 'unfinished' });
    expect(await handlers.act(change(replacement.id, 'b', 'a'))).toMatchObject({ PhysicalResourceId: old.id });
    expect(life.ids).toEqual([old.id]);
    expect(life.calls).toEqual([`delete ${replacement.id}`, `update ${old.id}`]);
    expect(life.contexts.delete.identity).toBe(replacement.identity);
  });

  test('keeps a usable replacement, because CloudFormation deletes it after the rollback', async () => {
    const [old, replacement] = [life.add('a'), life.add('b')];
    await handlers.act(change(replacement.id, 'b', 'a'));
    expect(life.ids).toEqual([old.id, replacement.id]);
  });

  test('removes a usable replacement that holds no data, if CloudFormation never learned of it', async () => {
    const old = life.add('a', { holdsNoData: true });
    life.add('b', { holdsNoData: true });
    await handlers.act(change(old.id, 'b', 'a'));
    expect(life.ids).toEqual([old.id]);
  });

  test('keeps a usable replacement that may hold data, even if CloudFormation never learned of it', async () => {
    const [old, replacement] = [life.add('a'), life.add('b')];
    await handlers.act(change(old.id, 'b', 'a'));
    expect(life.ids).toEqual([old.id, replacement.id]);
  });

  test('keeps a replacement without data that CloudFormation will delete itself', async () => {
    const [old, replacement] = [life.add('a', { holdsNoData: true }), life.add('b', { holdsNoData: true })];
    await handlers.act(change(replacement.id, 'b', 'a'));
    expect(life.ids).toEqual([old.id, replacement.id]);
  });

  test('removes nothing that the first delivery of the same event made', async () => {
    const old = life.add('a');
    await handlers.act(change(old.id, 'a', 'b'));
    life.calls.length = 0;
    await handlers.act(change(old.id, 'a', 'b'));
    expect(life.calls).toEqual(['create b']);
    expect(life.ids).toContain('thing-2');
  });

  test('returns to the current resource before earlier ones that were retained', async () => {
    life.add('a');
    const current = life.add('a');
    expect(await handlers.act(change(current.id, 'b', 'a'))).toMatchObject({ PhysicalResourceId: current.id });
  });

  test('does not return to a resource that was never finished', async () => {
    const unfinished = life.add('b', { state: 'unfinished' });
    expect(await handlers.act(change(life.add('a').id, 'a', 'b'))).toMatchObject({ PhysicalResourceId: 'thing-3' });
    expect(life.ids).not.toContain(unfinished.id);
  });

  test('succeeds although a leftover cannot be removed, and logs why', async () => {
    const old = life.add('a');
    const leftover = life.add('b', { state: 'unfinished' });
    life.failures.delete = new Error('denied');
    expect(await handlers.act(change(leftover.id, 'b', 'a'))).toMatchObject({ PhysicalResourceId: old.id });
    expect(logged()).toContainEqual({ event: 'could not clean up', error: 'Error: denied' });
  });
});

describe('a poll', () => {
  const poll = (more: Partial<ResourceEvent<any>> = {}) => handlers.poll(event('Create', { Kind: 'a' }, { PhysicalResourceId: 'thing-1', ...more }));

  test('is incomplete until the resource is ready, then returns the attributes', async () => {
    life.polls = 1;
    expect(await poll({ Memo: 'learned' })).toEqual({ IsComplete: false });
    expect(await poll()).toEqual({ IsComplete: true, Data: { Id: 'thing-1' } });
  });

  test('passes on what the creation found out, and the direction, which is unknown if the first step did not find it out', async () => {
    await poll({ Memo: 'learned', Direction: 'forward' });
    expect(life.contexts.ready).toMatchObject({ memo: 'learned', direction: 'forward' });
    await poll();
    expect(life.contexts.ready).toMatchObject({ direction: 'unknown' });
  });

  test('is incomplete as long as a guard needs to be certain of the direction', async () => {
    life.failures.ready = new TooEarly();
    const Since = `${now}`;
    expect(await poll({ Since })).toEqual({ IsComplete: false, Pause: 10 });
    now += 57_500;
    expect(await poll({ Since })).toEqual({ IsComplete: false, Pause: 3 });
  });

  test('is only incomplete while the service throttles', async () => {
    life.failures.ready = Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
    expect(await poll()).toEqual({ IsComplete: false, Pause: BUSY });
  });

  test('throws every other error in one sentence', async () => {
    life.failures.ready = Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    await expect(poll()).rejects.toThrow(/^AccessDeniedException: no$/);
  });
});

describe('a resource that is out of reach', () => {
  const update = () => change(life.add('a').id, 'a', 'a');
  const sent = (event_: ResourceEvent<any>) => ({ ...event_, Since: `${now - 60_000}` });

  test('is left by a rollback as it is, which answers with what is known without it', async () => {
    direct('UPDATE_ROLLBACK_IN_PROGRESS');
    jest.spyOn(life, 'update').mockRejectedValue(new OutOfReach('it is gone'));
    const event_ = sent(update());
    const started = { ...event_, ...await handlers.act(event_) };
    expect(started).toMatchObject({ PhysicalResourceId: 'thing-1', IsLeft: 'true' });
    expect(await handlers.poll(started)).toEqual({ IsComplete: true, Data: { Id: 'thing-1, which is left' } });
    expect(life.calls).toEqual([]);
  });

  test('is left in a poll, too', async () => {
    direct('UPDATE_ROLLBACK_IN_PROGRESS');
    life.failures.ready = new OutOfReach('it is gone');
    expect(await handlers.poll({ ...sent(update()), Direction: 'back' })).toMatchObject({ Data: { Id: 'thing-1, which is left' } });
  });

  test('is an error on the way forward, in a creation, of a replacement, and of another kind', async () => {
    life.failures.ready = new OutOfReach('it is gone');
    await expect(handlers.poll({ ...sent(update()), Direction: 'forward' })).rejects.toThrow('it is gone');
    direct('UPDATE_ROLLBACK_IN_PROGRESS');
    const back = { ...sent(update()), Direction: 'back' } as const;
    await expect(handlers.poll({ ...back, RequestType: 'Create' })).rejects.toThrow('it is gone');
    await expect(handlers.poll({ ...back, ReplacedId: 'thing-0' })).rejects.toThrow('it is gone');
    life.failures.ready = new Error('no room');
    await expect(handlers.poll(back)).rejects.toThrow('no room');
  });
});

test('an update that cannot be begun by polls is repeated as a whole while the services throttle', async () => {
  life.isRepeatable = false;
  jest.spyOn(life, 'update').mockRejectedValue(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
  await expect(handlers.act(change(life.add('a').id, 'a', 'a'))).rejects.toThrow(TooEarly);
});

describe('an operation whose beginning is throttled', () => {
  const throttled = new Error('listing failed', { cause: Object.assign(new Error('slow down'), { name: 'ThrottlingException' }) });
  const begin = async (operation: ResourceEvent<any>) => ({ ...operation, ...await handlers.act(operation) });

  test('is begun by the polls, which return the physical id', async () => {
    life.failures.create = throttled;
    const started = await begin(event('Create', { Kind: 'a' }));
    expect(started).toMatchObject({ PhysicalResourceId: 'this', Deferred: 'true' });
    expect(await handlers.poll(started)).toEqual({ IsComplete: false, Pause: BUSY });

    life.failures = {};
    life.polls = 1;
    expect(await handlers.poll(started)).toEqual({ IsComplete: false });
    life.things = [];
    expect(await handlers.poll(started)).toEqual({ IsComplete: true, Data: { Id: 'thing-2' }, PhysicalResourceId: 'thing-2' });
    expect(life.contexts.ready).toMatchObject({ memo: 'learned' });
  });

  test('removes nothing that it made, because the repetition finds it', async () => {
    life.failures.create = throttled;
    life.failsLate = true;
    await begin(event('Create', { Kind: 'a' }));
    expect(life.ids).toEqual(['thing-1']);
  });

  test('returns to the old resource all the same if it is a rollback', async () => {
    const old = life.add('a');
    life.add('b', { state: 'unfinished' });
    direct('UPDATE_ROLLBACK_IN_PROGRESS');
    jest.spyOn(life, 'find').mockRejectedValueOnce(throttled);
    const started = await begin(change('thing-2', 'b', 'a'));
    expect(started).toMatchObject({ PhysicalResourceId: 'thing-2', Deferred: 'true', Direction: 'back' });
    expect(await handlers.poll(started)).toEqual({ IsComplete: true, Data: { Id: old.id }, PhysicalResourceId: old.id });
    expect(life.ids).toEqual([old.id]);
  });

  test('repeats the removal of a leftover that was throttled', async () => {
    const old = life.add('a');
    life.add('b', { state: 'unfinished' });
    life.failures.delete = throttled;
    const started = await begin(change('thing-2', 'b', 'a'));
    expect(life.ids).toHaveLength(2);
    life.failures = {};
    await handlers.poll(started);
    expect(life.ids).toEqual([old.id]);
  });

  test('makes nothing more when CloudFormation has cancelled it, and removes what it made itself', async () => {
    life.failures.create = throttled;
    life.failsLate = true;
    life.add('a', { state: 'unfinished' });
    const started = await begin(event('Create', { Kind: 'a' }));
    direct('ROLLBACK_IN_PROGRESS');
    now += 60_000;
    await expect(handlers.poll(started)).rejects.toThrow('CloudFormation cancelled the operation');
    expect(life.ids).toEqual(['thing-1']);
  });

  test('fails if nobody could say whether CloudFormation has cancelled it', async () => {
    life.isRepeatable = false;
    life.failures.create = throttled;
    await expect(handlers.act(event('Create', { Kind: 'a' }))).rejects.toThrow('listing failed');
  });

  test('is deleted by the polls', async () => {
    const { id } = life.add('a');
    life.failures.delete = throttled;
    const started = await begin(event('Delete', { Kind: 'a' }, { PhysicalResourceId: id }));
    life.failures = {};
    expect(await handlers.poll(started)).toEqual({ IsComplete: true });
  });
});

describe('a deletion', () => {
  test('repeats its call in every poll until nothing is left, and ends in the poll that removes the last of it', async () => {
    const { id } = life.add('a');
    life.deletionSteps = 3;
    const deletion = event('Delete', { Kind: 'a' }, { PhysicalResourceId: id });
    const started = { ...deletion, ...await handlers.act(deletion) };
    expect(await handlers.poll(started)).toEqual({ IsComplete: false });
    expect(await handlers.poll(started)).toEqual({ IsComplete: true });
    expect(life.calls).toHaveLength(3);
  });

  test('does not repeat its call while the service is deleting all that is left', async () => {
    const { id } = life.add('a');
    life.deletionSteps = 2;
    const deletion = event('Delete', { Kind: 'a' }, { PhysicalResourceId: id });
    const started = { ...deletion, ...await handlers.act(deletion) };
    life.isLeaving = true;
    expect(await handlers.poll(started)).toEqual({ IsComplete: false });
    expect(life.calls).toHaveLength(1);
    life.isLeaving = false;
    expect(await handlers.poll(started)).toEqual({ IsComplete: true });
  });

  test('passes on when it began to all polls', async () => {
    const { id } = life.add('a');
    life.deletionSteps = 2;
    const deletion = event('Delete', { Kind: 'a' }, { PhysicalResourceId: id });
    const started = { ...deletion, ...await handlers.act(deletion) };
    now += 5_000;
    await handlers.poll(started);
    expect(life.contexts.delete.deletionBegan).toBe(1_000_000);
  });

  test('that fails names the resource that stays', async () => {
    const { id } = life.add('a');
    life.failures.delete = new Error('denied');
    await expect(handlers.act(event('Delete', { Kind: 'a' }, { PhysicalResourceId: id }))).rejects.toThrow(`${id} cannot be deleted: denied`);
    life.failures.delete = new Error(`${id} is in use`);
    await expect(handlers.act(event('Delete', { Kind: 'a' }, { PhysicalResourceId: id }))).rejects.toThrow(new RegExp(`^${id} is in use$`));
  });
});

describe('the deletion of a cancelled creation', () => {
  test('leaves what CloudFormation has as the resource: another creation has made it', async () => {
    const [current, cancelledOne] = [life.add('a'), life.add('a')];
    stacks.resource.mockResolvedValue({ status: 'CREATE_COMPLETE', physicalId: current.id });
    await handlers.act(cancelled({ Kind: 'a' }));
    expect([current.deletions, cancelledOne.deletions]).toEqual([0, 1]);
    expect(stacks.resource).toHaveBeenCalledWith(expect.any(String), 'Thing');
  });

  const LATEST = 1_000_000 + 1000 * (60 + 120 + 30);

  test('removes what the creation made, without knowing its id', async () => {
    life.add('a', { state: 'unfinished' });
    expect(await handlers.act(cancelled({ Kind: 'a' }))).toMatchObject({ PhysicalResourceId: 'Stack-Thing-1ABCDEFGH2IJK', LateCreationUntil: `${LATEST}` });
    expect(life.ids).toEqual([]);
  });

  test('waits until the creation cannot have an effect any more, and removes what comes late', async () => {
    const started = { ...cancelled({ Kind: 'a' }), ...await handlers.act(cancelled({ Kind: 'a' })) };
    expect(await handlers.poll(started)).toEqual({ IsComplete: false, Pause: 10 });
    now = LATEST - 1;
    life.add('a', { state: 'unfinished' });
    expect(await handlers.poll(started)).toEqual({ IsComplete: false, Pause: 1 });
    expect(life.ids).toEqual([]);
    expect(await handlers.poll(started)).toEqual({ IsComplete: false, Pause: 1 });
    now = LATEST;
    expect(await handlers.poll(started)).toEqual({ IsComplete: true });
  });

  test('looks once more after it has deleted something', async () => {
    const started = { ...cancelled({ Kind: 'a' }), ...await handlers.act(cancelled({ Kind: 'a' })) };
    now = LATEST;
    life.add('a', { state: 'unfinished' });
    expect(await handlers.poll(started)).toEqual({ IsComplete: false });
    expect(await handlers.poll(started)).toEqual({ IsComplete: true });
  });

  test('spares a usable resource if earlier ones may have been retained', async () => {
    life.allowsRetainedSiblings = true;
    const retained = life.add('a');
    life.add('a', { state: 'unfinished' });
    await handlers.act(cancelled({ Kind: 'a' }));
    expect(life.ids).toEqual([retained.id]);
  });
});

describe('the deletion of a creation that failed without a thing', () => {
  const failedCall = '0123456789abcdef';
  const deletion = () => event('Delete', { Kind: 'a' }, { PhysicalResourceId: `failed-${failedCall}` });

  test('removes what that very call made and did not hand out, and nothing else', async () => {
    const others = [life.add('a', { state: 'unfinished' }), life.add('a', { requestId: failedCall })];
    life.add('a', { state: 'unfinished', requestId: failedCall });
    expect(await handlers.act(deletion())).toMatchObject({ PhysicalResourceId: `failed-${failedCall}` });
    expect(life.ids).toEqual(others.map(({ id }) => id));
    expect(await handlers.poll(deletion())).toEqual({ IsComplete: true });
  });

  test('does not wait, because the execution of the call has ended', async () => {
    expect(await handlers.act(deletion())).not.toHaveProperty('LateCreationUntil');
    expect(await handlers.poll(deletion())).toEqual({ IsComplete: true });
  });

  test('is repeated until nothing is left', async () => {
    life.deletionSteps = 3;
    life.add('a', { state: 'unfinished', requestId: failedCall });
    await handlers.act(deletion());
    expect(await handlers.poll(deletion())).toEqual({ IsComplete: false });
    expect(await handlers.poll(deletion())).toEqual({ IsComplete: false });
    expect(await handlers.poll(deletion())).toEqual({ IsComplete: true });
  });
});

describe('a call that is denied', () => {
  const denial = Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' });
  /** Seconds for which a call of this step is repeated, and what is thrown then. */
  const patienceOf = async (step: 'create' | 'ready' | 'delete', play: () => Promise<unknown>) => {
    const began = now;
    life.failures[step] = Object.assign(new Error('not authorized'), denial);
    const original = FakeLifecycle.prototype[step].bind(life) as (...args: any[]) => Promise<any>;
    jest.spyOn(life, step).mockImplementation((...args: any[]) => retrying(() => original(...args)));
    const message = await play().then(() => 'no error', (error: Error) => error.message);
    return { seconds: (now - began) / 1000, message };
  };
  const deletion = (more: Partial<ResourceEvent<any>> = {}) => event('Delete', { Kind: 'a' }, { PhysicalResourceId: life.add('a').id, ...more });

  test('is repeated for a minute in a creation, which then says so', async () => {
    const { seconds, message } = await patienceOf('create', () => handlers.act(event('Create', { Kind: 'a' })));
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(message).toBe(`AccessDeniedException: denied for ${Math.round(seconds)} seconds, longer than IAM may need to apply a new policy: not authorized`);
    expect(stacks.status).not.toHaveBeenCalled();
  });

  test('shares one minute with all calls of the operation, the polls included', async () => {
    const started = event('Create', { Kind: 'a' }, { PhysicalResourceId: life.add('a').id, Since: `${now}` });
    now += 40_000;
    expect((await patienceOf('ready', () => handlers.poll(started))).seconds).toBeLessThanOrEqual(20);
    now += 40_000;
    expect(await patienceOf('ready', () => handlers.poll(started))).toEqual({ seconds: 0, message: 'AccessDeniedException: not authorized' });
  });

  test('is final in the deletion of a stack, which changes no policy before', async () => {
    stacks.status.mockResolvedValue('DELETE_IN_PROGRESS');
    const { seconds, message } = await patienceOf('delete', () => handlers.act(deletion()));
    expect(seconds).toBe(0);
    expect(message).toMatch(/^thing-1 cannot be deleted: AccessDeniedException: not authorized$/);
    expect(stacks.status.mock.calls).toEqual([['stack']]);
  });

  test.each(['ROLLBACK_IN_PROGRESS', 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS', undefined])('is repeated for 30 seconds in a deletion while the stack is in %s', async status => {
    stacks.status.mockResolvedValue(status);
    const { seconds, message } = await patienceOf('delete', () => handlers.act(deletion()));
    expect(seconds).toBeGreaterThan(22);
    expect(seconds).toBeLessThanOrEqual(30);
    expect(message).toContain(`denied for ${Math.round(seconds)} seconds`);
    expect(stacks.status).toHaveBeenCalledTimes(1);
  });

  // Limited, because a question that waits for its own answer never ends.
  test('is repeated for 30 seconds in a deletion if CloudFormation does not answer, or denies that too', async () => {
    stacks.status.mockImplementation(() => retrying(async () => { throw denial; }));
    expect((await patienceOf('delete', () => handlers.act(deletion()))).seconds).toBeGreaterThan(22);
  }, 20_000);
});
