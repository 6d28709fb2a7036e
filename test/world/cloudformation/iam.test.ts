import { custom, Fixture } from './fixture';
import { Iam, type PolicyDocument } from '../../../world/cloudformation/iam';
import { Clock } from '../../../world/emulator/clock';
import { ACCOUNT } from '../../../world/emulator/environment';
import { Lateness } from '../../../world/emulator/lateness';
import { Principals } from '../../../world/emulator/principals';

const LAMBDA = 'lambda.amazonaws.com';
const trust = (service = LAMBDA): PolicyDocument => ({
  Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: service } } as PolicyDocument['Statement'],
});
const allow = (...actions: string[]): PolicyDocument => ({ Statement: { Effect: 'Allow', Action: actions, Resource: '*' } });
const MANAGED = `arn:aws:iam::${ACCOUNT}:policy/shared`;

let clock: Clock;
let iam: Iam;
/** Seconds until the next changes are seen; the last one stands for all that follow. */
let delays: number[];
beforeEach(() => {
  clock = new Clock();
  delays = [10];
  const delay = () => 1000 * (delays.length > 1 ? delays.shift()! : delays[0]);
  iam = new Iam(clock, { delay } as unknown as Lateness);
});
const role = (logicalId = 'Role', managed: string[] = []) => iam.createRole('role', 'S', logicalId, { trust: trust(), managed, path: '/' });
const allows = (action: string) => iam.role('role').session('s').allows(action, '*', {});
/** The seconds from now on in which an action is allowed, and in which it is not. */
const during = (seconds: number, action: string) => Array.from({ length: seconds }, () => {
  const allowed = allows(action);
  clock.advance(1000);
  return allowed;
});
const times = (count: number, allowed: boolean) => new Array<boolean>(count).fill(allowed);

describe('a policy of a role', () => {
  test('is in effect only after a while', () => {
    role().putPolicy('p', allow('s3:GetObject'));
    expect(during(12, 's3:GetObject')).toEqual([...times(10, false), ...times(2, true)]);
  });

  test('that changes stays in effect as it was for a while, also what it refused', () => {
    role().putPolicy('p', allow('s3:GetObject'));
    clock.advance(10_000);
    iam.role('role').putPolicy('p', allow('s3:PutObject'));
    expect([allows('s3:GetObject'), allows('s3:PutObject')]).toEqual([true, false]);
    clock.advance(10_000);
    expect([allows('s3:GetObject'), allows('s3:PutObject')]).toEqual([false, true]);
  });

  test('that is removed stays in effect for a while', () => {
    role().putPolicy('p', allow('s3:GetObject'));
    clock.advance(10_000);
    iam.role('role').removePolicy('p');
    expect(during(12, 's3:GetObject')).toEqual([...times(10, true), ...times(2, false)]);
  });

  test('changes in order, so that a removal is never overtaken by what it removes', () => {
    role();
    delays = [15, 2, 2];
    iam.role('role').putPolicy('p', allow('s3:GetObject'));
    iam.role('role').removePolicy('p');
    expect(during(20, 's3:GetObject')).toEqual(times(20, false));
  });

  test('goes with the role, a while later', () => {
    role().putPolicy('p', allow('s3:GetObject'));
    clock.advance(10_000);
    const session = iam.role('role').session('s');
    iam.deleteRole('role');
    expect(session.allows('s3:GetObject', '*', {})).toBe(true);
    clock.advance(10_000);
    expect(session.allows('s3:GetObject', '*', {})).toBe(false);
  });
});

describe('a managed policy', () => {
  beforeEach(() => iam.putManagedPolicy(MANAGED, allow('s3:GetObject')));

  test('is in effect a while after it was attached, and after it was detached', () => {
    clock.advance(10_000);
    role('Role', [MANAGED]);
    expect(during(11, 's3:GetObject')).toEqual([...times(10, false), true]);
    iam.updateRole('role', { trust: trust(), managed: [], path: '/' });
    expect(during(11, 's3:GetObject')).toEqual([...times(10, true), false]);
  });

  test('changes for all its roles a while later, and goes so', () => {
    role('Role', [MANAGED]);
    clock.advance(10_000);
    iam.putManagedPolicy(MANAGED, allow('s3:PutObject'));
    expect([allows('s3:GetObject'), allows('s3:PutObject')]).toEqual([true, false]);
    clock.advance(10_000);
    expect([allows('s3:GetObject'), allows('s3:PutObject')]).toEqual([false, true]);
    iam.deleteManagedPolicy(MANAGED);
    expect(during(11, 's3:PutObject')).toEqual([...times(10, true), false]);
    expect(() => iam.createRole('other', 'S', 'Other', { trust: trust(), managed: [MANAGED], path: '/' })).toThrow('does not exist');
  });

  test('of AWS is late only when it is attached', () => {
    role('Role', ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']);
    expect(during(11, 'logs:PutLogEvents')).toEqual([...times(10, false), true]);
  });
});

describe('a role', () => {
  test('can be assumed a while after it was made; until then the refusal says when to ask again', () => {
    const { arn } = role();
    const moment = clock.now() + 10_000;
    expect(() => iam.assumable(arn, LAMBDA)).toThrow(expect.objectContaining({ until: moment }));
    clock.advance(10_000);
    expect(iam.assumable(arn, LAMBDA).arn).toBe(arn);
    expect(() => iam.assumable(arn, 'states.amazonaws.com')).toThrow(expect.not.objectContaining({ until: expect.anything() }));
  });

  test('whose trust changes can be assumed as before for a while', () => {
    const { arn } = role();
    clock.advance(10_000);
    iam.updateRole('role', { trust: trust('states.amazonaws.com'), managed: [], path: '/' });
    expect(iam.assumable(arn, LAMBDA).arn).toBe(arn);
    clock.advance(10_000);
    expect(() => iam.assumable(arn, LAMBDA)).toThrow('cannot be assumed');
    expect(iam.assumable(arn, 'states.amazonaws.com').arn).toBe(arn);
  });

  test('is known as a principal a while after it was made, and as long after it was deleted', () => {
    const principals = new Principals();
    principals.lookUpIn(iam);
    const { arn } = role();
    expect(principals.isKnown(arn)).toBe(false);
    clock.advance(10_000);
    expect(principals.isKnown(arn)).toBe(true);
    iam.deleteRole('role');
    expect(principals.isKnown(arn)).toBe(true);
    clock.advance(10_000);
    expect(principals.isKnown(arn)).toBe(false);
  });

  test('has used what a call was allowed, whenever its policy changed', () => {
    role().putPolicy('p', allow('s3:GetObject', 's3:PutObject'));
    allows('s3:GetObject');
    expect(iam.unusedActions('S')).toEqual({ Role: ['s3:GetObject', 's3:PutObject'] });
    clock.advance(10_000);
    iam.role('role').removePolicy('p');
    allows('s3:GetObject');
    iam.deleteRole('role');
    expect(iam.unusedActions('S')).toEqual({ Role: ['s3:PutObject'] });
  });
});

describe('a stack', () => {
  let fixture: Fixture;
  beforeEach(async () => { fixture = await Fixture.start({ seed: 1, lateness: { iam: 20 } }); });
  afterEach(() => fixture.close());
  afterAll(() => Fixture.cleanUp());

  test('waits with a function until its role can be assumed', async () => {
    const outcome = await fixture.deploy({ A: custom() });
    expect(outcome.status).toBe('CREATE_COMPLETE');
    const delay = new Lateness(1).delay('iam', `${outcome.resources.HandlerRole.physicalId}/trust`) / 1000;
    expect(delay).toBeGreaterThan(1);
    expect(fixture.delivered.map(({ seconds }) => seconds)).toEqual([Math.round(delay)]);
  });

  test('fails at once with a function whose role will never let itself be assumed', async () => {
    const wrong = { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: trust('ec2.amazonaws.com') } };
    const outcome = await fixture.deploy({ HandlerRole: wrong });
    expect(outcome.status).toBe('ROLLBACK_COMPLETE');
    expect(outcome.reason).toContain('[Handler]');
    expect(fixture.seconds).toBeLessThanOrEqual(20);
  });

  test('invokes a function that is warm before its role has the policy on which the resource depends', async () => {
    const policy = {
      Type: 'AWS::IAM::Policy',
      Properties: { PolicyName: 'calls', PolicyDocument: allow('ec2:DescribeSubnets'), Roles: [{ Ref: 'HandlerRole' }] },
    };
    await fixture.deploy({ A: custom() });
    const outcome = await fixture.deploy({ A: custom(), P: policy, B: custom({ Call: 'Create' }, { DependsOn: 'P' }) });
    expect(outcome.status).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(outcome.events.find(({ logicalId, status }) => logicalId === 'B' && status === 'CREATE_FAILED')!.reason).toContain('ec2:DescribeSubnets');
  });
});
