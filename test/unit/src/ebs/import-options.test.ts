import { RemovalPolicies, RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { DiskImage, SnapshotImport, type SnapshotImportProps } from '../../../../src';
import { matches } from '../../../../world/cloudformation/resources/events';
import { onlyOf, ownerOfOnly, givenStack, propertiesOf } from '../../../harness/given';

const TYPE = 'Custom::SnapshotImport';

function given(props: Partial<SnapshotImportProps> = {}) {
  const { stack } = givenStack();
  const image = DiskImage.fromBucket(s3.Bucket.fromBucketName(stack, 'Bucket', 'images'), 'disk.img');
  return { stack, snapshot: new SnapshotImport(stack, 'Image', { image, ...props }) };
}

test('speed and waiting are told to the handler, if the user chose', () => {
  expect(propertiesOf(given({ waitForCompletion: false, maxPutsPerSecond: 200, maxConcurrency: 3 }).stack, TYPE)).toMatchObject({
    WaitForCompletion: false, MaxPutsPerSecond: 200, MaxConcurrency: 3,
  });
  const silent = propertiesOf(given({ waitForCompletion: true }).stack, TYPE);
  for (const name of ['WaitForCompletion', 'MaxPutsPerSecond', 'MaxConcurrency']) { expect(silent).not.toHaveProperty(name); }
});

test('what is copied in the background is not retained, because nothing would complete it without the stack', () => {
  const refusal = /\[Stack\/Image\] with 'waitForCompletion: false', 'removalPolicy' must be DESTROY, got Retain: .*Deploy with DESTROY, and after the end/;
  const synthesized = ({ stack }: { stack: Stack }) => () => Template.fromStack(stack);
  expect(synthesized(given({ waitForCompletion: false, removalPolicy: RemovalPolicy.RETAIN }))).toThrow(refusal);
  expect(synthesized(given({ waitForCompletion: false, removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE }))).toThrow('got RetainExceptOnCreate');
  const late = given({ waitForCompletion: false });
  RemovalPolicies.of(late.stack).retain();
  expect(synthesized(late)).toThrow(refusal);
  expect(synthesized(given({ removalPolicy: RemovalPolicy.RETAIN }))).not.toThrow();
});

test.each<[Partial<SnapshotImportProps>, string]>([
  [{ maxPutsPerSecond: 1001 }, "'maxPutsPerSecond' must be a whole number from 10 to 1000, got 1001 (in Stack/Image)"],
  [{ maxPutsPerSecond: 9 }, "'maxPutsPerSecond' must be a whole number from 10 to 1000, got 9"],
  [{ maxConcurrency: 1.5 }, "'maxConcurrency' must be a whole number from 1 to 1000, got 1.5"],
  [{ maxConcurrency: 0 }, "'maxConcurrency' must be a whole number from 1 to 1000, got 0"],
])('%j is refused', (props, message) => {
  expect(() => given(props)).toThrow(message);
});

describe('rules on the end of an import', () => {
  const { stack, snapshot } = given();
  const target = new targets.LambdaFunction(new lambda.Function(stack, 'Target', {
    runtime: lambda.Runtime.NODEJS_LATEST, handler: 'index.handler', code: lambda.Code.fromInline('exports.handler = () => {};'),
  }));
  snapshot.onCompleted('Completed', { target });
  snapshot.onFailed('Failed', { target });
  const rules = Object.entries(Template.fromStack(stack).findResources('AWS::Events::Rule'));
  const rule = (name: string) => rules.find(([id]) => id.startsWith(`Image${name}`))![1].Properties;
  const fires = (name: string, status: string, owner: string) => {
    const { source, 'detail-type': type, detail } = rule(name).EventPattern;
    expect(source).toEqual(['aws.states']);
    expect(type).toEqual(['Step Functions Execution Status Change']);
    expect(detail.stateMachineArn).toEqual([{ Ref: expect.stringContaining('TransferStateMachine') }]);
    // CloudFormation fills in the name of the stack.
    const [{ wildcard: { 'Fn::Join': [, parts] } }] = detail.input;
    const wildcard = parts.map((part: string | object) => typeof part === 'string' ? part : 'Stack').join('');
    return matches({ status: detail.status, input: [{ wildcard }] }, { status, input: JSON.stringify({ snapshotId: 'snap-1', owner, source: {} }) });
  };

  const owner = `Stack/${onlyOf(stack, 'Custom::SnapshotImport').logicalId}`;

  test('fire for this import alone, however it ended', () => {
    expect(fires('Completed', 'SUCCEEDED', owner)).toBe(true);
    expect(fires('Completed', 'SUCCEEDED', `${owner}2`)).toBe(false);
    expect(fires('Completed', 'FAILED', owner)).toBe(false);
    expect(fires('Failed', 'FAILED', owner)).toBe(true);
    expect(fires('Failed', 'TIMED_OUT', owner)).toBe(true);
    expect(fires('Failed', 'ABORTED', owner)).toBe(false);
    expect(rule('Failed').Targets).toHaveLength(1);
  });

  test('there is a metric for alarms', () => {
    expect(snapshot.metricFailed()).toMatchObject({ namespace: 'cdk-durable-storage', metricName: 'ImportsFailed', dimensions: { Import: expect.anything() } });
    expect(stack.resolve(snapshot.metricFailed().dimensions)).toEqual({ Import: ownerOfOnly(stack, 'Custom::SnapshotImport') });
  });
});
