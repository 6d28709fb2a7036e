import { arn } from '../../emulator/environment';
import { like } from '../../emulator/iam';
import type { Handler } from '../handler';
import type { Properties } from '../stack';
import { isTrue, listOf, nameOf, type Context } from './context';

const FUNCTION = /^arn:[^:]+:lambda:/;
const PIPELINE = /^arn:[^:]+:codepipeline:/;

/** EventBridge's default bus, for what Step Functions says about its executions. */
export function eventsHandlers({ emulator: { lambda, latency, states }, iam, permissions }: Context): Record<string, Handler> {
  const rules = new Map<string, Properties>();

  const mayInvoke = (functionArn: string, ruleArn: string) => [...permissions.values()].some(({ functionArn: own, principal, sourceArn }) =>
    own === functionArn && principal === 'events.amazonaws.com' && (sourceArn === undefined || like(sourceArn, ruleArn)));

  const deliver = async (rule: string, functionArn: string, input: unknown) => {
    if (latency.of('eventDelivery', rule) > 0) { await latency.pass('eventDelivery', rule); }
    await lambda.enqueue(functionArn, input);
  };

  states.onStatusChange(event => {
    for (const [name, { EventPattern, State = 'ENABLED', Targets }] of rules) {
      if (State !== 'ENABLED' || !matches(EventPattern, event)) { continue; }
      for (const target of listOf(Targets)) {
        // A target that may not be invoked is passed over in silence, as EventBridge does.
        // What Step Functions says starts no pipeline.
        if (FUNCTION.test(target.Arn) && mayInvoke(target.Arn, arn('events', `rule/${name}`))) { void deliver(name, target.Arn, inputOf(target, event)); }
      }
    }
  });

  const check = ({ EventPattern, ScheduleExpression, EventBusName, Targets }: Properties) => {
    if (EventPattern === undefined || ScheduleExpression !== undefined) { throw new Error('the player knows rules with an event pattern only, not with a schedule'); }
    if (EventBusName !== undefined && EventBusName !== 'default') { throw new Error('the player knows the default event bus only'); }
    for (const { Arn, InputTransformer, RoleArn } of listOf(Targets)) {
      if (PIPELINE.test(Arn)) { iam.assumable(RoleArn, 'events.amazonaws.com'); }
      if (!FUNCTION.test(Arn) && !PIPELINE.test(Arn) || InputTransformer) {
        throw new Error(`the player knows functions and pipelines as targets only, without InputTransformer, got ${Arn}`);
      }
    }
    matches(EventPattern, {});
  };

  return {
    'AWS::Events::Rule': {
      immutable: ['Name', 'EventBusName'],
      create: request => {
        check(request.properties);
        const name = nameOf(request, request.properties.Name, 64);
        rules.set(name, request.properties);
        return { physicalId: name, attributes: { Arn: arn('events', `rule/${name}`) } };
      },
      update: ({ properties }, before) => {
        check(properties);
        rules.set(before.physicalId!, properties);
        return { physicalId: before.physicalId!, attributes: before.attributes };
      },
      delete: ({ physicalId }) => void rules.delete(physicalId!),
    },
  };
}

function inputOf({ Input, InputPath }: Properties, event: object): unknown {
  if (Input !== undefined) { return JSON.parse(Input); }
  if (InputPath === undefined || InputPath === '$') { return event; }
  return String(InputPath).replace(/^\$\./, '').split('.').reduce<any>((value, key) => value?.[key], event);
}

/** Whether an event matches a pattern: every field named in the pattern has one of the values that it lists. */
export function matches(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) { return listOf(value ?? [undefined]).some(one => pattern.map(filter => passes(filter, one)).some(Boolean)); }
  const fields = value as Record<string, unknown> | undefined;
  // All of them are looked at, so that an operator that the player does not know is refused when the rule is made.
  return Object.entries(pattern as object).map(([key, inner]) => matches(inner, fields?.[key])).every(Boolean);
}

function passes(filter: unknown, value: unknown): boolean {
  if (typeof filter !== 'object' || filter === null) { return String(filter) === String(value); }
  const [[operator, operand]] = Object.entries(filter) as [string, any][];
  switch (operator) {
    case 'prefix': return String(value ?? '').startsWith(operand) && value !== undefined;
    case 'suffix': return String(value ?? '').endsWith(operand) && value !== undefined;
    case 'wildcard': return value !== undefined && like(operand, String(value));
    case 'anything-but': return value !== undefined && !listOf(operand).includes(value);
    case 'exists': return isTrue(operand) === (value !== undefined);
    default: throw new Error(`the player does not know ${operator} in event patterns`);
  }
}
